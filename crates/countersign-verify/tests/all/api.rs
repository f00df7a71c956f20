//! An API under test, the fake issuer that it follows, and the problems that it reports.

use std::sync::{Arc, Mutex};

use countersign_verify::{Discovery, Issuer, Refusal, Trouble, Verifier};
use serde_json::{Value, json};

use crate::fake_issuer::FakeIssuer;
use crate::support::{AUDIENCE, SESSIONS, Time, claims_with, entry_expires};

/// The reported problems, as text.
#[derive(Clone, Default)]
pub(crate) struct Troubles(Arc<Mutex<Vec<String>>>);

impl Troubles {
    pub(crate) fn observe(&self, discovery: Discovery) -> Discovery {
        let seen = self.0.clone();
        discovery.on_trouble(move |trouble| seen.lock().unwrap().push(in_full(trouble)))
    }

    pub(crate) fn mention(&self, text: &str) -> bool {
        self.0.lock().unwrap().iter().any(|trouble| trouble.contains(text))
    }
}

fn in_full(trouble: &Trouble) -> String {
    let mut text = trouble.to_string();
    let mut cause = std::error::Error::source(trouble);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

/// An API that follows a fake issuer.
pub(crate) struct Api {
    pub(crate) time: Time,
    pub(crate) issuer: FakeIssuer,
    followed: Issuer,
    verifier: Verifier,
    pub(crate) troubles: Troubles,
}

impl Api {
    pub(crate) async fn start(adjust: impl FnOnce(&FakeIssuer)) -> Self {
        Self::with(adjust, |discovery| discovery).await
    }

    pub(crate) async fn with(
        adjust: impl FnOnce(&FakeIssuer),
        settings: impl FnOnce(Discovery) -> Discovery,
    ) -> Self {
        let time = Time::at_noon();
        let issuer = FakeIssuer::start(&time).await;
        adjust(&issuer);
        let troubles = Troubles::default();
        let discovery = troubles.observe(Issuer::discover(issuer.name.as_str()).clock(time.clock()));
        let followed = settings(discovery).connect().await;
        let followed = followed.unwrap_or_else(|error| panic!("{error}: {:?}", troubles.0));
        let verifier = Verifier::for_audience(AUDIENCE, followed.clone()).clock(time.clock());
        Self { time, issuer, followed, verifier, troubles }
    }

    /// The result for a token of this session.
    pub(crate) fn verify(&self, session: &str) -> Result<(), Refusal> {
        let claims = claims_with(&self.issuer.name, "sid", session);
        self.verifier.verify(&self.issuer.sign(&claims), self.time.now()).map(|_| ())
    }

    pub(crate) fn is_revoked(&self, session: &str) -> bool {
        matches!(self.verify(session), Err(Refusal::Revoked))
    }

    /// Whether the list was complete at the current time.
    pub(crate) fn is_up_to_date(&self) -> bool {
        self.followed.revocations().as_of() == Some(self.time.now())
    }

    pub(crate) fn is_unknown(&self) -> bool {
        matches!(self.verify(SESSIONS[3]), Err(Refusal::RevocationsUnknown))
    }

    /// The cursor after which each stream was opened.
    pub(crate) fn resumed(&self) -> Vec<Option<String>> {
        self.issuer.state.resumed.lock().unwrap().clone()
    }
}

/// An entry that revokes this session.
pub(crate) fn revoked(session: &str) -> Value {
    json!({ "exp": entry_expires(), "sid": session })
}
