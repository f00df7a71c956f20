//! Tests that no write relies on an earlier read: what a caller verified before is a condition of the write.
//!
//! The first tests combine every write with every change that may happen between the
//! read and the write. The last one makes random sequences of reads and writes, with
//! the store in memory as the specification. `COUNTERSIGN_INTERLEAVINGS` sets their
//! number.

use std::sync::Arc;

use countersign_core::client::{
    Client, ClientAuthentication, ClientChange, ClientSecretHash, ClientSettings, SecretMethod,
};
use countersign_core::password::PasswordHash;
use countersign_core::session::{Grant, RevokedReason, Session, Whose};
use countersign_core::store::{
    Added, Changed, ClientChanged, Opened, Page, SingleUse, Standing, Store, UserChange,
};
use countersign_core::user::email::{Email, Verification};
use countersign_core::user::{Password, PasswordKind, Role, User, UserClaims};
use countersign_core::{ClientId, SessionId, UserId, testing};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::{Kit, NOON, grant, revoked, stores, user};

/// Every verb that writes on behalf of a caller.
#[derive(Debug, Clone, Copy)]
enum Write {
    SetPassword,
    SetEmail,
    SetRole,
    Disable,
    Delete,
    SetClaims,
    Add,
    Open,
    OpenAndSpend,
    AddClient,
    ChangeClient,
    ReplaceSecret,
    RemoveClient,
}

const WRITES: [Write; 13] = [
    Write::SetPassword,
    Write::SetEmail,
    Write::SetRole,
    Write::Disable,
    Write::Delete,
    Write::SetClaims,
    Write::Add,
    Write::Open,
    Write::OpenAndSpend,
    Write::AddClient,
    Write::ChangeClient,
    Write::ReplaceSecret,
    Write::RemoveClient,
];

/// Every change after which a condition that was verified before no longer holds.
#[derive(Debug, Clone, Copy)]
enum Between {
    Reset,
    Disable,
    DisableAndEnable,
    Demote,
    Delete,
    RevokeSession,
    RevokeAll,
    RevokeOthers,
    Rehash,
}

const BETWEEN: [Between; 9] = [
    Between::Reset,
    Between::Disable,
    Between::DisableAndEnable,
    Between::Demote,
    Between::Delete,
    Between::RevokeSession,
    Between::RevokeAll,
    Between::RevokeOthers,
    Between::Rehash,
];

fn hash(text: &str) -> PasswordHash {
    PasswordHash::from_stored(format!("$argon2id${text}"))
}

fn set_password(text: &str) -> UserChange {
    let password = Password { hash: hash(text), kind: PasswordKind::Temporary };
    UserChange::SetPassword { password, keep: None, how: revoked(RevokedReason::PasswordChanged, NOON) }
}

fn admin(id: &str) -> User {
    User { role: Role::Admin, ..user(id) }
}

/// The conditions of a caller: password, role and session.
fn standing(user: &User, session: SessionId) -> Standing {
    let password = user.password.as_ref().map(|password| password.hash.clone());
    Standing { session: Some(session), password, role: Some(user.role), ..Standing::of(user) }
}

/// A client that a test of `owner` uses for one purpose.
fn client(purpose: &str, owner: &UserId) -> Client {
    let (authentication, settings) = (ClientAuthentication::None, ClientSettings::default());
    Client { id: format!("{purpose}-{owner}").parse().unwrap(), authentication, settings, created_at: NOON }
}

/// Adds the clients that the writes of `owner` change and remove.
async fn add_clients(store: &dyn Store, owner: &UserId) {
    for purpose in ["changed", "removed"] {
        store.add_client(&[], &client(purpose, owner)).await.unwrap();
    }
}

/// Makes a write, and returns the name of its result.
async fn write(store: &dyn Store, kit: &Kit, this: Write, (id, given): (&UserId, &[Standing])) -> String {
    let change = match this {
        Write::SetClaims => UserChange::SetClaims(UserClaims::default()),
        Write::Add | Write::Open | Write::OpenAndSpend => {
            return add_or_open(store, kit, this, (id, given)).await;
        }
        Write::AddClient | Write::ChangeClient | Write::ReplaceSecret | Write::RemoveClient => {
            return write_client(store, this, (id, given)).await;
        }
        Write::SetPassword => set_password("chosen"),
        Write::SetEmail => UserChange::SetEmail(None),
        Write::SetRole => UserChange::SetRole(Role::Admin),
        Write::Disable => UserChange::Disable(revoked(RevokedReason::UserDisabled, NOON)),
        Write::Delete => UserChange::Delete(revoked(RevokedReason::UserDeleted, NOON)),
    };
    match store.change_user(id, given, &[change]).await.unwrap() {
        Changed::Done(_) => "Done".to_owned(),
        other => format!("{other:?}"),
    }
}

async fn add_or_open(
    store: &dyn Store,
    kit: &Kit,
    this: Write,
    (id, given): (&UserId, &[Standing]),
) -> String {
    if matches!(this, Write::Add) {
        return format!("{:?}", store.add_user(given, &user(&format!("{id}-new"))).await.unwrap());
    }
    let epoch = store.user(id).await.unwrap().map_or(0, |user| user.epoch);
    let session = Session { user_epoch: epoch, ..kit.session(id.as_str(), NOON).0 };
    let single = SingleUse { digest: kit.world.random(), expires_at: NOON };
    let spending = matches!(this, Write::OpenAndSpend).then_some(&single);
    format!("{:?}", store.open(&session, given, spending).await.unwrap())
}

async fn write_client(store: &dyn Store, this: Write, (id, given): (&UserId, &[Standing])) -> String {
    let (changed, removed) = (client("changed", id).id, client("removed", id).id);
    match this {
        Write::AddClient => format!("{:?}", store.add_client(given, &client("added", id)).await.unwrap()),
        Write::ChangeClient => {
            let changes = [ClientChange::Name("new".to_owned())];
            match store.change_client(&changed, given, &changes).await.unwrap() {
                ClientChanged::Done(_) => "Done".to_owned(),
                other => format!("{other:?}"),
            }
        }
        Write::ReplaceSecret => {
            let old = store.client(&changed).await.unwrap().unwrap().authentication;
            let (_, hash) = ClientSecretHash::generate(&testing::world(NOON, 1));
            let new = ClientAuthentication::Secret(SecretMethod::Basic, hash);
            let is_replaced = store.replace_client_authentication(&changed, given, &old, &new).await.unwrap();
            if is_replaced { "Done" } else { "Outdated" }.to_owned()
        }
        _ => {
            let how = revoked(RevokedReason::EndedByAdmin, NOON);
            format!("{:?}", store.remove_client(&removed, given, &how).await.unwrap())
        }
    }
}

async fn come_between(store: &dyn Store, this: Between, (id, session): (&UserId, SessionId)) {
    let how = |reason| revoked(reason, NOON);
    let own = Whose::User(id.clone());
    let change = match this {
        Between::Reset => set_password("reset"),
        Between::Disable | Between::DisableAndEnable => UserChange::Disable(how(RevokedReason::UserDisabled)),
        Between::Demote => UserChange::SetRole(Role::User),
        Between::Delete => UserChange::Delete(how(RevokedReason::UserDeleted)),
        Between::RevokeSession => {
            let revoked = store.revoke(session, &own, &how(RevokedReason::SignedOut)).await.unwrap();
            assert!(revoked);
            return;
        }
        Between::RevokeAll | Between::RevokeOthers => {
            let except = matches!(this, Between::RevokeOthers).then_some(session);
            store.revoke_all(&own, except, &how(RevokedReason::EndedByUser)).await.unwrap();
            return;
        }
        Between::Rehash => {
            let old = store.user(id).await.unwrap().unwrap().password.unwrap().hash;
            assert!(store.rehash(id, &old, &hash("stronger")).await.unwrap());
            return;
        }
    };
    let changed = store.change_user(id, &[], &[change]).await.unwrap();
    assert!(matches!(changed, Changed::Done(_)), "{changed:?}");
    if matches!(this, Between::DisableAndEnable) {
        store.change_user(id, &[], &[UserChange::Enable]).await.unwrap();
    }
}

/// A text with everything that a write could change.
async fn everything(store: &dyn Store) -> String {
    let users = store.users(&Page::first(1000)).await.unwrap();
    let sessions = store.sessions(&Whose::Everyone, &Page::first(1000)).await.unwrap();
    let clients = store.clients(&Page::first(1000)).await.unwrap();
    format!("{users:?} {sessions:?} {clients:?}")
}

fn run<F: Future<Output = ()>>(check: impl Fn(Arc<dyn Store>, Kit) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for subject in runtime.block_on(stores()) {
        runtime.block_on(check(subject.store.clone(), Kit::new()));
    }
}

#[test]
fn a_write_is_made_only_while_its_conditions_hold() {
    run(async |store, kit| {
        let mut number = 0;
        for this in WRITES {
            for between in BETWEEN.map(Some).into_iter().chain([None]) {
                number += 1;
                let who = admin(&format!("{number}"));
                assert_eq!(store.add_user(&[], &who).await.unwrap(), Added::Added);
                add_clients(&*store, &who.id).await;
                let session = kit.session(who.id.as_str(), NOON).0;
                assert_eq!(store.open(&session, &[], None).await.unwrap(), Opened::Opened);
                let verified = standing(&who, session.id);
                if let Some(between) = between {
                    come_between(&*store, between, (&who.id, session.id)).await;
                }
                let before = everything(&*store).await;
                let outcome = write(&*store, &kit, this, (&who.id, &[verified])).await;
                if between.is_none() {
                    assert!(
                        ["Done", "Added", "Opened", "Removed"].contains(&outcome.as_str()),
                        "{this:?}: {outcome}"
                    );
                } else {
                    assert_eq!(outcome, "Outdated", "{this:?} after {between:?}");
                    assert_eq!(everything(&*store).await, before, "{this:?} after {between:?}");
                }
            }
        }
    });
}

#[test]
fn all_changes_of_a_user_are_made_or_none_and_the_changed_user_is_returned() {
    run(async |store, _| {
        for id in ["1", "2"] {
            store.add_user(&[], &user(id)).await.unwrap();
        }
        let taken = Email::parse("2@EXAMPLE.com", Verification::Verified).unwrap();
        let changes = [UserChange::SetRole(Role::Admin), UserChange::SetEmail(Some(taken.clone()))];
        let before = everything(&*store).await;
        assert_eq!(store.change_user(&user("1").id, &[], &changes).await.unwrap(), Changed::EmailTaken);
        assert_eq!(everything(&*store).await, before, "the role is unchanged as well");
        let changes = [UserChange::SetRole(Role::Admin), set_password("new")];
        let Changed::Done(returned) = store.change_user(&user("1").id, &[], &changes).await.unwrap() else {
            panic!("nothing is in the way");
        };
        assert_eq!(store.user(&user("1").id).await.unwrap().as_ref(), Some(&*returned));
        assert_eq!((returned.role, returned.epoch), (Role::Admin, 1));
    });
}

#[test]
fn only_one_user_can_have_a_verified_address_and_several_an_unverified_one() {
    run(async |store, _| {
        store.add_user(&[], &user("1")).await.unwrap();
        let claimed = Email::parse("1@Example.COM", Verification::Unverified).unwrap();
        let other = User { email: Some(claimed.clone()), ..user("2") };
        assert_eq!(store.add_user(&[], &other).await.unwrap(), Added::Added);
        assert_eq!(store.user(&other.id).await.unwrap().unwrap().email, Some(claimed));
        let verified = Email::parse("1@Example.COM", Verification::Verified).unwrap();
        let third = User { email: Some(verified.clone()), ..user("3") };
        assert_eq!(store.add_user(&[], &third).await.unwrap(), Added::EmailTaken);
        assert_eq!(store.user(&third.id).await.unwrap(), None);
        let verify = [UserChange::SetEmail(Some(verified))];
        assert_eq!(store.change_user(&other.id, &[], &verify).await.unwrap(), Changed::EmailTaken);
        store.change_user(&user("1").id, &[], &[UserChange::SetEmail(None)]).await.unwrap();
        let changed = store.change_user(&other.id, &[], &verify).await.unwrap();
        assert!(
            matches!(changed, Changed::Done(user) if user.email.as_ref().is_some_and(Email::is_verified))
        );
        // A user does not conflict with the user's own address.
        let again = store.change_user(&other.id, &[], &verify).await.unwrap();
        assert!(matches!(again, Changed::Done(_)), "{again:?}");
    });
}

// B4
#[test]
fn a_session_is_opened_only_for_a_registered_client() {
    run(async |store, kit| {
        store.add_user(&[], &user("1")).await.unwrap();
        let id: ClientId = "shop".parse().unwrap();
        let open = async || {
            let session = kit.open(Grant { client: id.clone(), ..grant("1") }, NOON).0;
            store.open(&session, &[], None).await.unwrap()
        };
        assert_eq!(open().await, Opened::NoSuchClient);
        let (authentication, settings) = (ClientAuthentication::None, ClientSettings::default());
        let client = Client { id: id.clone(), authentication, settings, created_at: NOON };
        store.add_client(&[], &client).await.unwrap();
        assert_eq!(open().await, Opened::Opened);
        store.remove_client(&id, &[], &revoked(RevokedReason::EndedByAdmin, NOON)).await.unwrap();
        assert_eq!(open().await, Opened::NoSuchClient);
    });
}

/// What one of two callers does, or what happens to the caller.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// Reads everything that the conditions of a write need.
    Read(usize),
    /// Writes, under the conditions that were read last.
    Write(usize, Write),
    Happens(usize, Between),
    Returns(usize),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let caller = 0_usize..2;
    let one = prop_oneof![
        3 => caller.clone().prop_map(Act::Read),
        6 => (caller.clone(), prop::sample::select(WRITES.to_vec())).prop_map(|(caller, this)| Act::Write(caller, this)),
        3 => (caller.clone(), prop::sample::select(BETWEEN.to_vec())).prop_map(|(caller, this)| Act::Happens(caller, this)),
        2 => caller.prop_map(Act::Returns),
    ];
    prop::collection::vec(one, 1..25)
}

/// One store, and what each caller has read from it.
struct Side {
    store: Arc<dyn Store>,
    read: [Option<Standing>; 2],
    sessions: [SessionId; 2],
}

const IDS: [&str; 2] = ["1", "2"];

impl Side {
    async fn act(&mut self, kit: &Kit, act: Act) -> String {
        let (Act::Read(caller) | Act::Write(caller, _) | Act::Happens(caller, _) | Act::Returns(caller)) =
            act;
        let id = user(IDS[caller]).id;
        let found = self.store.user(&id).await.unwrap();
        match act {
            Act::Read(_) => {
                self.read[caller] = found.map(|user| standing(&user, self.sessions[caller]));
                String::new()
            }
            Act::Write(_, this) => {
                let Some(given) = self.read[caller].clone() else { return String::new() };
                let id_of_session = given.session.unwrap();
                let row = self.store.session(id_of_session).await.unwrap();
                // Computed independently of the rule that the stores use.
                let still = found.as_ref().is_some_and(|user| {
                    let session = row.as_ref().map(|row| &row.session);
                    standing(user, id_of_session) == given
                        && user.disabled_at.is_none()
                        && session.is_some_and(|session| {
                            session.user_epoch == user.epoch && format!("{:?}", session.state) == "Active"
                        })
                });
                let outcome = write(&*self.store, kit, this, (&id, &[given])).await;
                assert_eq!(outcome != "Outdated", still, "{act:?}");
                outcome
            }
            Act::Happens(_, this) => {
                let has_password = found.as_ref().is_some_and(|user| user.password.is_some());
                let row = self.store.session(self.sessions[caller]).await.unwrap();
                let is_active = row.is_some_and(|row| format!("{:?}", row.session.state) == "Active");
                if has_password && (is_active || !matches!(this, Between::RevokeSession)) {
                    come_between(&*self.store, this, (&id, self.sessions[caller])).await;
                }
                String::new()
            }
            Act::Returns(_) => {
                self.store.add_user(&[], &admin(IDS[caller])).await.unwrap();
                add_clients(&*self.store, &id).await;
                self.store.change_user(&id, &[], &[UserChange::Enable]).await.unwrap();
                String::new()
            }
        }
    }
}

/// Opens a caller's next session, the same in every store.
async fn sign_in(sides: &mut [Side], kit: &Kit, caller: usize) {
    let session = kit.session(IDS[caller], NOON).0;
    for side in sides {
        let epoch = side.store.user(&user(IDS[caller]).id).await.unwrap().map_or(0, |user| user.epoch);
        let session = Session { user_epoch: epoch, ..session.clone() };
        if side.store.open(&session, &[], None).await.unwrap() == Opened::Opened {
            side.sessions[caller] = session.id;
        }
    }
}

async fn play(acts: &[Act]) {
    let kit = Kit::new();
    let subjects = stores().await;
    let nothing = SessionId::from_bytes([0; 16]);
    let mut sides: Vec<_> = subjects
        .iter()
        .map(|subject| Side { store: subject.store.clone(), read: [None, None], sessions: [nothing; 2] })
        .collect();
    for (seed, act) in (100..).zip((0..2).map(Act::Returns).chain(acts.iter().copied())) {
        let mut outcomes = Vec::new();
        for side in &mut sides {
            // Opening a session uses random bytes. Every store must get the same ones.
            let kit = Kit { world: testing::world(NOON, seed << 40), ..Kit::new() };
            let outcome = side.act(&kit, act).await;
            outcomes.push((outcome, everything(&*side.store).await));
        }
        assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]), "{act:?}: {outcomes:#?}");
        if let Act::Returns(caller) = act {
            sign_in(&mut sides, &kit, caller).await;
        }
    }
}

#[test]
fn random_sequences_of_reads_and_writes_lose_no_concurrent_change() {
    #[expect(clippy::disallowed_methods, reason = "the soak plays more than a test run")]
    let cases = std::env::var("COUNTERSIGN_INTERLEAVINGS").ok().map_or(25, |cases| cases.parse().unwrap());
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 100, ..Config::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let outcome = TestRunner::new(config).run(&acts(), |acts| {
        runtime.block_on(play(&acts));
        Ok(())
    });
    outcome.unwrap();
}
