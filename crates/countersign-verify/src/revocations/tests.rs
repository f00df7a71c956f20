//! The list without signatures: what it covers, what it forgets, how large it becomes.

use countersign_token::{Audience, Scope};
use serde_json::Map;

use super::coverage::Span;
use super::*;

const NOON: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// A token of Alice's in the session with this number.
fn claims(session: u64) -> AccessTokenClaims {
    AccessTokenClaims {
        iss: "https://id.example".into(),
        sub: "alice".into(),
        aud: Audience::One("https://api.example".into()),
        exp: after(900),
        iat: NOON,
        jti: "t1".into(),
        client_id: "web".into(),
        scope: Scope::default(),
        sid: format!("0190a6c4-0000-7000-8000-{session:012x}"),
        auth_time: None,
        extra: Map::new(),
    }
}

fn after(seconds: u64) -> Timestamp {
    NOON.plus(Duration::from_secs(seconds))
}

fn id(session: u64) -> SessionId {
    SessionId::parse(&claims(session).sid).expect("it is written as a session id is")
}

fn entry(whose: Whose) -> Entry {
    Entry { expires: Expiry::at(after(900)), whose }
}

fn session(number: u64) -> Entry {
    entry(Whose::Session(id(number)))
}

fn span(up_to: u64, except: Option<u64>) -> Span {
    Span { up_to: id(up_to), except: except.map(id) }
}

/// A piece that begins the list anew, made at that second.
fn piece(seconds: u64, entries: Vec<Entry>) -> RevocationPiece {
    let cursor = seconds.to_string();
    RevocationPiece { issued_at: after(seconds), after: None, cursor, has_more: false, entries }
}

fn list(entries: Vec<Entry>) -> Revocations {
    let mut list = Revocations::new();
    list.apply(piece(0, entries), NOON).expect("it is the first piece");
    list
}

fn covered(list: &Revocations, sessions: impl IntoIterator<Item = u64>) -> Vec<u64> {
    sessions.into_iter().filter(|session| list.covers(&claims(*session))).collect()
}

#[test]
fn one_session_is_covered_and_no_other() {
    assert_eq!(covered(&list(vec![session(2)]), 0..5), [2]);
}

#[test]
fn all_sessions_of_a_user_up_to_one_are_covered_but_for_the_one_that_stayed() {
    let of = |user: &str| list(vec![entry(Whose::User(user.into(), span(3, Some(1))))]);
    assert_eq!(covered(&of("alice"), 0..6), [0, 2, 3]);
    assert!(covered(&of("bob"), 0..6).is_empty());
}

#[test]
fn all_sessions_of_a_client_or_at_all_up_to_one_are_covered() {
    let of = |client: &str| list(vec![entry(Whose::Client(client.into(), span(3, None)))]);
    assert_eq!(covered(&of("web"), 0..6), [0, 1, 2, 3]);
    assert!(covered(&of("app"), 0..6).is_empty());
    assert_eq!(covered(&list(vec![entry(Whose::Everyone(span(2, None)))]), 0..6), [0, 1, 2]);
}

#[test]
fn the_one_that_stayed_is_covered_by_an_entry_of_its_own() {
    let stayed = entry(Whose::User("alice".into(), span(3, Some(1))));
    assert_eq!(covered(&list(vec![stayed, session(1)]), 0..6), [0, 1, 2, 3]);
}

#[test]
fn a_session_that_cannot_be_compared_counts_as_revoked() {
    for sid in ["", "s1", "0190A6C4-0000-7000-8000-000000000001"] {
        let claims = AccessTokenClaims { sid: sid.into(), ..claims(1) };
        assert!(list(vec![]).covers(&claims), "{sid}");
    }
}

#[test]
fn the_same_entry_twice_is_one_entry_with_the_later_expiry() {
    let twice = |whose: fn() -> Whose| {
        let mut list = list(vec![entry(whose())]);
        let later = Entry { expires: Expiry::at(after(1800)), whose: whose() };
        list.apply(piece(1, vec![later, entry(whose())]), after(1)).expect("it begins anew");
        assert_eq!(list.len(), 1);
        list.apply(piece(1000, vec![]), after(1000)).expect("it begins anew");
        assert_eq!(list.len(), 1, "the later expiry counts");
    };
    twice(|| Whose::Session(id(1)));
    twice(|| Whose::User("alice".into(), span(3, Some(1))));
    twice(|| Whose::Client("web".into(), span(3, None)));
    twice(|| Whose::Everyone(span(3, None)));
}

#[test]
fn entries_are_dropped_by_the_time_of_the_issuer_and_not_by_ours() {
    let whole = || {
        vec![
            session(1),
            entry(Whose::User("alice".into(), span(3, None))),
            entry(Whose::Client("web".into(), span(3, None))),
            entry(Whose::Everyone(span(3, None))),
        ]
    };
    let mut list = list(whole());
    list.apply(piece(10, vec![]), after(100_000)).expect("it begins anew");
    assert_eq!(list.len(), 4, "our clock is a day ahead");
    list.apply(piece(904, vec![]), after(904)).expect("it begins anew");
    assert_eq!(list.len(), 4, "a token may be accepted for so long by a clock that is behind");
    list.apply(piece(970, whole()), after(970)).expect("it begins anew");
    assert!(list.is_empty(), "what is over is dropped, and not taken again");
}

#[test]
fn a_piece_that_does_not_follow_makes_the_list_begin_anew() {
    let mut list = list(vec![session(1)]);
    let following = |after: &str, cursor: &str| RevocationPiece {
        after: Some(after.into()),
        cursor: cursor.into(),
        ..piece(1, vec![session(2)])
    };
    assert_eq!(list.apply(following("0", "a"), NOON), Ok(()));
    assert_eq!(list.cursor(), Some("a"));
    assert_eq!(list.apply(following("0", "a"), NOON), Err(ApplyError::Gap));
    assert_eq!(list.cursor(), None);
    assert_eq!(covered(&list, 0..4), [1, 2], "what is known stays known");
}

#[test]
fn a_list_is_complete_when_there_is_no_more_of_it() {
    let mut list = Revocations::new();
    let first = RevocationPiece { has_more: true, ..piece(0, vec![session(1)]) };
    list.apply(first, NOON).expect("it is the first piece");
    assert_eq!(list.as_of(), None);
    let last = RevocationPiece { after: Some("0".into()), ..piece(1, vec![session(2)]) };
    list.apply(last, after(2)).expect("it follows");
    assert_eq!(list.as_of(), Some(after(2)));
}

#[test]
fn what_was_on_its_way_for_long_is_old_news() {
    let mut list = Revocations::new();
    list.apply(piece(0, vec![]), after(40)).expect("it is the first piece");
    assert_eq!(list.as_of(), Some(after(5)), "clocks may differ by five seconds");
    list.apply(piece(60, vec![]), after(57)).expect("it begins anew");
    assert_eq!(list.as_of(), Some(after(57)));
    list.apply(piece(50, vec![]), after(51)).expect("it begins anew");
    assert_eq!(list.as_of(), Some(after(57)), "what is known is not forgotten");
}

#[test]
fn there_are_never_more_than_a_million_entries_and_too_many_are_a_stale_list() {
    let mut list = Revocations::new();
    let sessions = |numbers: std::ops::Range<u64>| numbers.map(session).collect::<Vec<_>>();
    list.apply(piece(0, sessions(0..1_000_000)), NOON).expect("so many fit");
    let further = RevocationPiece { after: Some("0".into()), ..piece(10, sessions(0..1_000_001)) };
    assert_eq!(list.apply(further, after(10)), Err(ApplyError::TooMany));
    let wide = entry(Whose::User("bob".into(), span(3, None)));
    assert_eq!(list.apply(piece(11, vec![wide]), after(11)), Err(ApplyError::TooMany));
    assert_eq!((list.len(), list.as_of(), list.cursor()), (1_000_000, Some(NOON), None));
    list.apply(piece(970, vec![]), after(970)).expect("there is room again");
    assert_eq!((list.len(), list.as_of()), (0, Some(after(970))));
    assert!(list.sessions.capacity() < 10_000, "the room is given back");
}

#[test]
fn an_entry_takes_about_forty_bytes() {
    let list = list((0..270_000).map(session).collect());
    // A slot has the entry and one byte of the hash; at most seven of eight are taken.
    let slots = list.sessions.capacity() * 8 / 7;
    let bytes = slots * (size_of::<(SessionId, Expiry)>() + 1) / list.len();
    assert!((30..45).contains(&bytes), "{bytes}");
}
