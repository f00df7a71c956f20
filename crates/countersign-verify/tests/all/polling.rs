//! Polling the revocation list while the stream delivers nothing.

use std::time::Duration;

use countersign_verify::WhenStale;
use serde_json::json;

use crate::api::{Api, revoked};
use crate::fake_issuer::{FakeIssuer, Script, events, list_response};
use crate::support::{Cursors, NOW, SESSIONS, eventually, page_of, sign_page};

/// The cursor of an empty list.
const START: &str = "0-0102030405ff";

/// Makes the issuer reject the next stream, with a `Retry-After` of 30 seconds.
fn reject_stream(issuer: &FakeIssuer) {
    let full = "HTTP/1.1 503 Full\r\nretry-after: 30\r\ncontent-length: 0\r\n\r\n";
    issuer.script(Script::Breaks(full.to_owned()));
}

/// An API that is up to date, and whose next stream is rejected. Polls get these responses, one after the
/// other.
async fn without_stream(responses: impl FnOnce(&FakeIssuer) -> Vec<String>) -> Api {
    let api = Api::start(|_| {}).await;
    responses(&api.issuer).into_iter().for_each(|response| api.issuer.script_list(response));
    reject_stream(&api.issuer);
    api.issuer.end_streams();
    api
}

#[tokio::test]
async fn starts_while_the_stream_is_rejected() {
    let reject = |issuer: &FakeIssuer| {
        issuer.serve_list();
        reject_stream(issuer);
        let others = (0..1500).map(|number| revoked(&format!("01a20dc4-c2f3-724c-8000-{number:012x}")));
        others.for_each(|entry| issuer.revoke(entry));
        issuer.revoke(revoked(SESSIONS[0]));
    };
    let api = Api::start(reject).await;
    assert!(api.is_revoked(SESSIONS[0]), "all pages are read before `connect` returns");
    assert!(api.verify(SESSIONS[1]).is_ok());
    api.issuer.revoke(revoked(SESSIONS[1]));
    eventually("it is rejected", || api.is_revoked(SESSIONS[1])).await;
    assert_eq!(api.issuer.streams(), 1, "no other stream was opened");
}

// C10
#[tokio::test]
async fn starts_if_a_proxy_buffers_the_stream() {
    let buffer = |issuer: &FakeIssuer| {
        issuer.serve_list();
        issuer.revoke(revoked(SESSIONS[0]));
        issuer.script(Script::Hangs(events(&[])));
    };
    let api = Api::with(buffer, |discovery| discovery.when_stale(WhenStale::Refuse)).await;
    assert!(
        !api.troubles.mention("no page for 15 seconds"),
        "polling starts before the policy rejects tokens"
    );
    assert!(api.is_revoked(SESSIONS[0]));
    assert!(api.verify(SESSIONS[3]).is_ok());
}

// C10
#[tokio::test]
async fn starts_if_the_stream_delivers_only_old_pages() {
    let api = Api::start(|issuer| {
        issuer.serve_list();
        issuer.be_late(Duration::from_secs(40));
    })
    .await;
    eventually("the list is polled", || api.issuer.list_reads().len() >= 2).await;
    assert_eq!(api.issuer.streams(), 1, "the stream stays open");
    assert!(api.verify(SESSIONS[0]).is_ok());
}

#[tokio::test]
async fn does_not_change_the_cursor_of_the_stream() {
    let api = Api::start(FakeIssuer::serve_list).await;
    api.issuer.be_silent(true);
    api.issuer.revoke(revoked(SESSIONS[0]));
    eventually("the list is polled", || api.is_revoked(SESSIONS[0])).await;
    api.issuer.be_silent(false);
    api.issuer.revoke(revoked(SESSIONS[1]));
    eventually("the stream delivers again", || api.is_revoked(SESSIONS[1])).await;
    assert!(!api.troubles.mention(""), "no gap is reported for the stream");
    assert_eq!(api.issuer.streams(), 1);
}

#[tokio::test]
async fn waits_for_the_issuers_retry_after_and_reports_the_failure() {
    let unavailable = "HTTP/1.1 502 Bad Gateway\r\nretry-after: 6\r\ncontent-length: 0\r\n\r\n";
    let api = without_stream(|_| vec![unavailable.to_owned()]).await;
    eventually("it is reported", || {
        api.troubles.mention("list could not be fetched: the issuer responded with status 502")
    })
    .await;
    eventually("the list is polled again", || api.issuer.list_reads().len() >= 2).await;
    let [(first, _), (second, _), ..] = api.issuer.list_reads()[..] else { panic!("there are two") };
    assert!(second - first >= Duration::from_secs(6), "{:?}", second - first);
}

#[tokio::test]
async fn rejects_a_response_that_is_not_a_page_of_the_list() {
    type Respond = fn(&str) -> String;
    let responses: [(Respond, &str); 2] = [
        (|page| list_response(page).replace("revocations+jwt", "jwt"), "not a page of the list"),
        (|page| list_response(&page.replace('.', "")), "three parts"),
    ];
    for (respond, reason) in responses {
        let api = without_stream(|issuer| {
            let entries = json!([revoked(SESSIONS[0])]);
            let page = page_of(&issuer.name, NOW, Cursors { after: None, cursor: "7-0102030405ff" }, entries);
            vec![respond(&sign_page(&issuer.active(), &page))]
        })
        .await;
        eventually(reason, || api.troubles.mention(reason)).await;
        assert!(api.verify(SESSIONS[0]).is_ok(), "{reason}");
    }
}

#[tokio::test]
async fn stops_if_the_list_makes_no_progress() {
    let circles = [
        // The issuer says that there are more pages, but returns the same cursor.
        [Cursors { after: Some(START), cursor: START }; 4],
        // The issuer always returns the first page.
        [Cursors { after: None, cursor: "7-0102030405ff" }; 4],
        // Two issuers with different lists respond in turn.
        [
            Cursors { after: None, cursor: "7-0102030405ff" },
            Cursors { after: None, cursor: "8-0a0b0c0d0e0f" },
            Cursors { after: None, cursor: "7-0102030405ff" },
            Cursors { after: None, cursor: "8-0a0b0c0d0e0f" },
        ],
    ];
    for circle in circles {
        let api = without_stream(|issuer| {
            let page = |cursors| {
                let mut page = page_of(&issuer.name, NOW, cursors, json!([]));
                page["more"] = true.into();
                list_response(&sign_page(&issuer.active(), &page))
            };
            circle.map(page).to_vec()
        })
        .await;
        eventually("it is reported", || {
            assert!(api.issuer.list_reads().len() <= 2, "{circle:?}");
            api.troubles.mention("makes no progress")
        })
        .await;
    }
}

#[tokio::test]
async fn starts_from_the_beginning_if_the_issuer_rejects_the_cursor() {
    let api =
        without_stream(|_| vec!["HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n".to_owned()]).await;
    eventually("the list is polled again", || api.issuer.list_reads().len() >= 2).await;
    let cursors: Vec<_> = api.issuer.list_reads().into_iter().map(|(_, after)| after).collect();
    assert_eq!(cursors[..2], [Some(START.to_owned()), None]);
}
