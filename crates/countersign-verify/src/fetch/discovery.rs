//! How an issuer is fetched: the settings, and the two ways to begin.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::Client;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::error::{IssuerError, Trouble};
use super::follower::Follower;
use super::key_cache::{self, KeyCache};
use super::source::{FeedAddress, KeyAddress, Observer, Source};
use super::voice::Voice;
use super::{Fetched, origin};
use crate::revocations::Following;
use crate::{Clock, Issuer, RevocationFeed, WhenStale};

/// An issuer that is about to be fetched. [`Discovery::connect`] waits for its keys and its list of revocations;
/// [`Discovery::connect_lazily`] does not.
///
/// ```no_run
/// # async fn example() -> Result<(), countersign_verify::IssuerError> {
/// use countersign_verify::{Issuer, Verifier, WhenStale};
///
/// let staff = Issuer::discover("https://staff.example").when_stale(WhenStale::Refuse).connect().await?;
/// let shop = Issuer::discover("https://id.example").connect_lazily()?;
/// let verifier = Verifier::for_audience("https://api.example", staff).also_trust(shop);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "nothing is fetched before `connect` or `connect_lazily`"]
pub struct Discovery {
    issuer: Arc<str>,
    keys: Option<String>,
    feed: Feed,
    when_stale: WhenStale,
    refresh_every: Duration,
    clock: Clock,
    client: Option<Client>,
    observer: Option<Observer>,
}

/// Which list of revocations is followed.
#[derive(Clone)]
enum Feed {
    AsTheMetadataSays,
    At(String),
    /// The metadata is not asked, and nobody else said.
    Unsaid,
    Ignored,
}

/// Less than half of the ten minutes that issuers allow for.
const REFRESH_EVERY: Duration = Duration::from_secs(300);

/// How long the list of revocations may take at the start.
const FIRST_LIST_TIME: Duration = Duration::from_secs(15);

impl Issuer {
    /// An issuer whose metadata says where its keys are, and whether it has a list of revocations to follow.
    /// `name` is its address, and is compared to the letter with the metadata's `issuer` and with `iss`.
    pub fn discover(name: impl Into<Arc<str>>) -> Discovery {
        Discovery::new(name.into(), None, Feed::AsTheMetadataSays)
    }

    /// An issuer without metadata, or whose metadata is not to be asked. Its revocations are not followed unless
    /// [`Discovery::follow`] says where they are; without that, [`WhenStale::Refuse`] is an error.
    pub fn fetching(name: impl Into<Arc<str>>, jwks_url: impl Into<String>) -> Discovery {
        Discovery::new(name.into(), Some(jwks_url.into()), Feed::Unsaid)
    }
}

impl Discovery {
    fn new(issuer: Arc<str>, keys: Option<String>, feed: Feed) -> Self {
        Self {
            issuer,
            keys,
            feed,
            when_stale: WhenStale::default(),
            refresh_every: REFRESH_EVERY,
            clock: Clock::system(),
            client: None,
            observer: None,
        }
    }

    /// What to do with tokens while the list of revocations is behind, or if there is none.
    pub fn when_stale(mut self, when_stale: WhenStale) -> Self {
        self.when_stale = when_stale;
        self
    }

    /// Follows the list of revocations at this address, whatever the metadata says; its stream is at `/stream`
    /// below.
    pub fn follow(mut self, feed_url: impl Into<String>) -> Self {
        self.feed = Feed::At(feed_url.into());
        self
    }

    /// Accepts the tokens of sessions that were revoked, until they expire, even if the issuer says which they
    /// are, and whatever [`Discovery::when_stale`] says.
    pub fn ignore_revocations(mut self) -> Self {
        self.feed = Feed::Ignored;
        self
    }

    /// How old keys may become before they are fetched again: five minutes unless set, at least half a minute. They
    /// are fetched sooner by up to a half, so that not all APIs ask at once. A key must be published for longer
    /// before it signs.
    pub fn refresh_every(mut self, refresh_every: Duration) -> Self {
        self.refresh_every = refresh_every;
        self
    }

    /// Sends every request with this client, for certificates, a proxy or a resolver of your own. It must not follow
    /// redirects (`redirect::Policy::none()`), and must not have a `timeout`, which would end the stream of
    /// revocations. Without one, the client trusts the machine's certificates and uses the proxy that `HTTPS_PROXY`,
    /// `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` name, except for an issuer on this machine.
    pub fn client(mut self, client: Client) -> Self {
        self.client = Some(client);
        self
    }

    /// Another clock than the system's.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Calls `observer` when keys cannot be fetched or revocations cannot be followed. With the feature `tracing`
    /// that is in the log in any case.
    pub fn on_trouble(mut self, observer: impl Fn(&Trouble) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Fetches the keys and, if they are followed, the revocations; both are then kept up to date.
    ///
    /// # Errors
    ///
    /// When the issuer cannot be reached within seconds, or is not as it must be, or names no list of revocations
    /// with [`WhenStale::Refuse`].
    pub async fn connect(self) -> Result<Issuer, IssuerError> {
        let when_stale = self.when_stale;
        let parts = self.parts()?;
        parts.cache.begin();
        let fetched = parts.source.key_set().await;
        parts.cache.end(fetched)?;
        if when_stale.needs_list() && matches!(*parts.source.feed.borrow(), FeedAddress::Nowhere) {
            return Err(IssuerError::NoList);
        }
        let mut is_ready = parts.is_ready.subscribe();
        let issuer = parts.start()?;
        let ready = is_ready.wait_for(|is_ready| *is_ready);
        match tokio::time::timeout(FIRST_LIST_TIME, ready).await {
            Ok(Ok(_)) => Ok(issuer),
            _ => Err(IssuerError::NoRevocations),
        }
    }

    /// As [`Discovery::connect`], beside: until keys and revocations are here, tokens are refused with
    /// [`crate::Refusal::KeysUnknown`] or [`crate::Refusal::RevocationsUnknown`], which the layer answers with 503.
    ///
    /// # Errors
    ///
    /// When an address is not acceptable, or there is no Tokio runtime, or there cannot be a list of revocations
    /// with [`WhenStale::Refuse`].
    pub fn connect_lazily(self) -> Result<Issuer, IssuerError> {
        let parts = self.parts()?;
        parts.cache.begin();
        parts.start()
    }

    fn parts(self) -> Result<Parts, IssuerError> {
        let keys = match self.keys {
            Some(address) => KeyAddress::Given(origin::parse(&address)?),
            None => {
                origin::parse(&self.issuer)?;
                KeyAddress::Discovered(Mutex::default())
            }
        };
        let address = match self.feed {
            Feed::AsTheMetadataSays => FeedAddress::Unknown,
            Feed::At(address) => FeedAddress::At(origin::parse(&address)?),
            Feed::Unsaid if self.when_stale.needs_list() => return Err(IssuerError::NoList),
            Feed::Unsaid | Feed::Ignored => FeedAddress::Ignored,
        };
        let feed = RevocationFeed::undecided(self.when_stale);
        match address {
            FeedAddress::Unknown | FeedAddress::Nowhere => {}
            FeedAddress::Ignored => feed.decide(Following::No),
            FeedAddress::At(_) => feed.decide(Following::From(self.clock.now())),
        }
        let source = Source {
            client: self.client.map_or_else(|| origin::client(&self.issuer), Ok)?,
            issuer: self.issuer,
            keys,
            feed: watch::Sender::new(address),
            observer: self.observer,
        };
        let cache = KeyCache::new(self.clock, self.refresh_every);
        Ok(Parts {
            source: Arc::new(source),
            cache: Arc::new(cache),
            feed,
            is_ready: watch::Sender::new(false),
        })
    }
}

/// An issuer that nothing is done for yet.
struct Parts {
    source: Arc<Source>,
    cache: Arc<KeyCache>,
    feed: RevocationFeed,
    is_ready: watch::Sender<bool>,
}

impl Parts {
    fn start(self) -> Result<Issuer, IssuerError> {
        let Self { source, cache, feed, is_ready } = self;
        let runtime = Handle::try_current().map_err(|_| IssuerError::NoRuntime)?;
        let name = source.issuer.clone();
        let keeping = runtime.spawn(key_cache::keep(cache.clone(), source.clone()));
        let follower =
            Follower { source, cache: cache.clone(), feed: feed.clone(), is_ready, voice: Voice::default() };
        let following = runtime.spawn(follower.run());
        let tasks = [keeping.abort_handle(), following.abort_handle()];
        Ok(Issuer::fetched(name, Fetched { cache, tasks }, feed))
    }
}

impl fmt::Debug for Discovery {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Discovery").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}
