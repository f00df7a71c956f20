//! Asking for the list of revocations while the stream brings nothing.

use std::time::Duration;

use countersign_verify::WhenStale;
use serde_json::json;

use crate::api::{Api, revoked};
use crate::fake_issuer::{FakeIssuer, Script, events, list_answer};
use crate::support::{NOW, SESSIONS, eventually, piece_of, sign_piece};

/// The cursor of an empty list.
const START: &str = "0-0102030405ff";

/// The next stream is refused for half a minute.
fn refuse_stream(issuer: &FakeIssuer) {
    let full = "HTTP/1.1 503 Full\r\nretry-after: 30\r\ncontent-length: 0\r\n\r\n";
    issuer.script(Script::Breaks(full.to_owned()));
}

/// An API that is up to date, whose stream is about to be refused. The list is answered as `answers` say.
async fn without_stream(answers: impl FnOnce(&FakeIssuer) -> Vec<String>) -> Api {
    let api = Api::start(|_| {}).await;
    answers(&api.issuer).into_iter().for_each(|answer| api.issuer.script_list(answer));
    refuse_stream(&api.issuer);
    api.issuer.end_streams();
    api
}

#[tokio::test]
async fn is_done_while_the_stream_is_refused() {
    let refuse = |issuer: &FakeIssuer| {
        issuer.serve_list();
        refuse_stream(issuer);
        let others = (0..1500).map(|number| revoked(&format!("01a20dc4-c2f3-724c-8000-{number:012x}")));
        others.for_each(|entry| issuer.revoke(entry));
        issuer.revoke(revoked(SESSIONS[0]));
    };
    let api = Api::start(refuse).await;
    assert!(api.is_revoked(SESSIONS[0]), "all pages are read before it is ready");
    assert!(api.verify(SESSIONS[1]).is_ok());
    api.issuer.revoke(revoked(SESSIONS[1]));
    eventually("it is refused", || api.is_revoked(SESSIONS[1])).await;
    assert_eq!(api.issuer.streams(), 1, "no stream was opened meanwhile");
}

// C10
#[tokio::test]
async fn is_done_behind_a_proxy_that_keeps_the_stream_back() {
    let keep_back = |issuer: &FakeIssuer| {
        issuer.serve_list();
        issuer.revoke(revoked(SESSIONS[0]));
        issuer.script(Script::Hangs(events(&[])));
    };
    let api = Api::with(keep_back, |discovery| discovery.when_stale(WhenStale::Refuse)).await;
    assert!(!api.troubles.mention("no sign of life"), "it is not too late for a stricter API");
    assert!(api.is_revoked(SESSIONS[0]));
    assert!(api.verify(SESSIONS[3]).is_ok());
}

// C10
#[tokio::test]
async fn is_done_beside_a_stream_that_brings_old_pieces() {
    let api = Api::start(|issuer| {
        issuer.serve_list();
        issuer.be_late(Duration::from_secs(40));
    })
    .await;
    eventually("the list is asked for", || api.issuer.list_reads().len() >= 2).await;
    assert_eq!(api.issuer.streams(), 1, "the stream is not given up for it");
    assert!(api.verify(SESSIONS[0]).is_ok());
}

#[tokio::test]
async fn leaves_the_stream_where_it_was() {
    let api = Api::start(FakeIssuer::serve_list).await;
    api.issuer.be_silent(true);
    api.issuer.revoke(revoked(SESSIONS[0]));
    eventually("the list is asked for", || api.is_revoked(SESSIONS[0])).await;
    api.issuer.be_silent(false);
    api.issuer.revoke(revoked(SESSIONS[1]));
    eventually("the stream goes on", || api.is_revoked(SESSIONS[1])).await;
    assert!(!api.troubles.mention(""), "the stream's next piece follows its last one");
    assert_eq!(api.issuer.streams(), 1);
}

#[tokio::test]
async fn is_put_off_for_as_long_as_the_issuer_says_and_reported() {
    let away = "HTTP/1.1 502 Bad Gateway\r\nretry-after: 6\r\ncontent-length: 0\r\n\r\n";
    let api = without_stream(|_| vec![away.to_owned()]).await;
    eventually("it is reported", || {
        api.troubles.mention("list cannot be had: the issuer answered with status 502")
    })
    .await;
    eventually("it is asked for again", || api.issuer.list_reads().len() >= 2).await;
    let [(first, _), (second, _), ..] = api.issuer.list_reads()[..] else { panic!("there are two") };
    assert!(second - first >= Duration::from_secs(6), "{:?}", second - first);
}

#[tokio::test]
async fn brings_nothing_that_is_no_piece_of_the_list() {
    type Answer = fn(&str) -> String;
    let answers: [(Answer, &str); 2] = [
        (|piece| list_answer(piece).replace("revocations+jwt", "jwt"), "no piece of the list"),
        (|piece| list_answer(&piece.replace('.', "")), "three parts"),
    ];
    for (answer, reason) in answers {
        let api = without_stream(|issuer| {
            let entries = json!([revoked(SESSIONS[0])]);
            let piece = piece_of(&issuer.name, NOW, (None, "7-0102030405ff"), entries);
            vec![answer(&sign_piece(&issuer.active(), &piece))]
        })
        .await;
        eventually(reason, || api.troubles.mention(reason)).await;
        assert!(api.verify(SESSIONS[0]).is_ok(), "{reason}");
    }
}

#[tokio::test]
async fn ends_when_the_list_does_not_go_on() {
    let circles = [
        // The issuer says that there is more and has nothing.
        [(Some(START), START); 4],
        // Whatever it is asked for, it begins anew.
        [(None, "7-0102030405ff"); 4],
        // Two that know nothing of each other answer by turns.
        [
            (None, "7-0102030405ff"),
            (None, "8-0a0b0c0d0e0f"),
            (None, "7-0102030405ff"),
            (None, "8-0a0b0c0d0e0f"),
        ],
    ];
    for circle in circles {
        let api = without_stream(|issuer| {
            let piece = |span| {
                let mut piece = piece_of(&issuer.name, NOW, span, json!([]));
                piece["more"] = true.into();
                list_answer(&sign_piece(&issuer.active(), &piece))
            };
            circle.map(piece).to_vec()
        })
        .await;
        eventually("it is noticed", || {
            assert!(api.issuer.list_reads().len() <= 2, "{circle:?}");
            api.troubles.mention("does not go on")
        })
        .await;
    }
}

#[tokio::test]
async fn begins_anew_when_the_issuer_does_not_understand_the_cursor() {
    let api =
        without_stream(|_| vec!["HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n".to_owned()]).await;
    eventually("it is asked for again", || api.issuer.list_reads().len() >= 2).await;
    let asked: Vec<_> = api.issuer.list_reads().into_iter().map(|(_, after)| after).collect();
    assert_eq!(asked[..2], [Some(START.to_owned()), None]);
}
