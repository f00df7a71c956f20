//! The list without signatures: which sessions it covers, when it drops entries, and how much memory it
//! takes.

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
    SessionId::parse(&claims(session).sid).expect("the text is a canonical UUID")
}

fn entry(target: Target) -> Entry {
    Entry { expires: Expiry::at(after(900)), target }
}

fn session(number: u64) -> Entry {
    entry(Target::Session(id(number)))
}

fn span(up_to: u64, except: Option<u64>) -> Span {
    Span { up_to: id(up_to), except: except.map(id) }
}

/// A first page, signed `seconds` after [`NOON`].
fn page(seconds: u64, entries: Vec<Entry>) -> RevocationPage {
    let cursor = seconds.to_string();
    RevocationPage { issued_at: after(seconds), after: None, cursor, has_more: false, entries }
}

fn list(entries: Vec<Entry>) -> Revocations {
    let mut list = Revocations::new();
    list.apply(page(0, entries), NOON).expect("it is the first page");
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
fn all_sessions_of_a_user_up_to_one_are_covered_except_the_excepted_one() {
    let of = |user: &str| list(vec![entry(Target::User(user.into(), span(3, Some(1))))]);
    assert_eq!(covered(&of("alice"), 0..6), [0, 2, 3]);
    assert!(covered(&of("bob"), 0..6).is_empty());
}

#[test]
fn all_sessions_of_a_client_or_of_everyone_up_to_one_are_covered() {
    let of = |client: &str| list(vec![entry(Target::Client(client.into(), span(3, None)))]);
    assert_eq!(covered(&of("web"), 0..6), [0, 1, 2, 3]);
    assert!(covered(&of("app"), 0..6).is_empty());
    assert_eq!(covered(&list(vec![entry(Target::Everyone(span(2, None)))]), 0..6), [0, 1, 2]);
}

#[test]
fn an_excepted_session_can_be_covered_by_another_entry() {
    let all_but_one = entry(Target::User("alice".into(), span(3, Some(1))));
    assert_eq!(covered(&list(vec![all_but_one, session(1)]), 0..6), [0, 1, 2, 3]);
}

#[test]
fn a_session_id_that_is_not_canonical_counts_as_revoked() {
    for sid in ["", "s1", "0190A6C4-0000-7000-8000-000000000001"] {
        let claims = AccessTokenClaims { sid: sid.into(), ..claims(1) };
        assert!(list(vec![]).covers(&claims), "{sid}");
    }
}

#[test]
fn the_same_entry_twice_is_one_entry_with_the_later_expiry() {
    let twice = |target: fn() -> Target| {
        let mut list = list(vec![entry(target())]);
        let later = Entry { expires: Expiry::at(after(1800)), target: target() };
        list.apply(page(1, vec![later, entry(target())]), after(1))
            .expect("a first page may follow any page");
        assert_eq!(list.len(), 1);
        list.apply(page(1000, vec![]), after(1000)).expect("a first page may follow any page");
        assert_eq!(list.len(), 1, "the later expiry counts");
    };
    twice(|| Target::Session(id(1)));
    twice(|| Target::User("alice".into(), span(3, Some(1))));
    twice(|| Target::Client("web".into(), span(3, None)));
    twice(|| Target::Everyone(span(3, None)));
}

#[test]
fn entries_are_dropped_by_the_issuers_time_and_not_by_the_apis() {
    let whole = || {
        vec![
            session(1),
            entry(Target::User("alice".into(), span(3, None))),
            entry(Target::Client("web".into(), span(3, None))),
            entry(Target::Everyone(span(3, None))),
        ]
    };
    let mut list = list(whole());
    list.apply(page(10, vec![]), after(100_000)).expect("a first page may follow any page");
    assert_eq!(list.len(), 4, "the clock of the API is a day ahead");
    list.apply(page(904, vec![]), after(904)).expect("a first page may follow any page");
    assert_eq!(list.len(), 4, "a token is still accepted by a clock that is five seconds behind");
    list.apply(page(970, whole()), after(970)).expect("a first page may follow any page");
    assert!(list.is_empty(), "expired entries are dropped, and not added again");
}

#[test]
fn after_a_gap_the_list_is_read_from_its_beginning() {
    let mut list = list(vec![session(1)]);
    let following = |after: &str, cursor: &str| RevocationPage {
        after: Some(after.into()),
        cursor: cursor.into(),
        ..page(1, vec![session(2)])
    };
    assert_eq!(list.apply(following("0", "a"), NOON), Ok(()));
    assert_eq!(list.cursor(), Some("a"));
    assert_eq!(list.apply(following("0", "a"), NOON), Err(ApplyError::Gap));
    assert_eq!(list.cursor(), None);
    assert_eq!(covered(&list, 0..4), [1, 2], "known entries are kept");
}

#[test]
fn a_list_is_complete_after_its_last_page() {
    let mut list = Revocations::new();
    let first = RevocationPage { has_more: true, ..page(0, vec![session(1)]) };
    list.apply(first, NOON).expect("it is the first page");
    assert_eq!(list.as_of(), None);
    let last = RevocationPage { after: Some("0".into()), ..page(1, vec![session(2)]) };
    list.apply(last, after(2)).expect("the page follows the first one");
    assert_eq!(list.as_of(), Some(after(2)));
}

#[test]
fn a_delayed_page_does_not_make_the_list_current() {
    let mut list = Revocations::new();
    list.apply(page(0, vec![]), after(40)).expect("it is the first page");
    assert_eq!(list.as_of(), Some(after(5)), "clocks may differ by five seconds");
    list.apply(page(60, vec![]), after(57)).expect("a first page may follow any page");
    assert_eq!(list.as_of(), Some(after(57)));
    list.apply(page(50, vec![]), after(51)).expect("a first page may follow any page");
    assert_eq!(list.as_of(), Some(after(57)), "an older page does not reset the time");
}

#[test]
fn a_list_has_at_most_a_million_entries_and_is_outdated_beyond() {
    let mut list = Revocations::new();
    let sessions = |numbers: std::ops::Range<u64>| numbers.map(session).collect::<Vec<_>>();
    list.apply(page(0, sessions(0..1_000_000)), NOON).expect("a million entries are allowed");
    let further = RevocationPage { after: Some("0".into()), ..page(10, sessions(0..1_000_001)) };
    assert_eq!(list.apply(further, after(10)), Err(ApplyError::TooMany));
    let wide = entry(Target::User("bob".into(), span(3, None)));
    assert_eq!(list.apply(page(11, vec![wide]), after(11)), Err(ApplyError::TooMany));
    assert_eq!((list.len(), list.as_of(), list.cursor()), (1_000_000, Some(NOON), None));
    list.apply(page(970, vec![]), after(970)).expect("the old entries have expired");
    assert_eq!((list.len(), list.as_of()), (0, Some(after(970))));
    assert!(list.sessions.capacity() < 10_000, "the memory is released");
}

#[test]
fn an_entry_takes_about_forty_bytes() {
    let list = list((0..270_000).map(session).collect());
    // A slot takes the entry and one byte of the hash, and at most seven of eight slots are used.
    let slots = list.sessions.capacity() * 8 / 7;
    let bytes = slots * (size_of::<(SessionId, Expiry)>() + 1) / list.len();
    assert!((30..45).contains(&bytes), "{bytes}");
}
