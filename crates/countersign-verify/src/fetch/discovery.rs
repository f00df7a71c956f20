//! The settings of an issuer on the network, and the functions that connect to it.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::Client;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::error::{IssuerError, Trouble};
use super::follower::Follower;
use super::source::{FeedAddress, KeyAddress, Observer, Source};
use super::stream_health::StreamHealth;
use super::{http_client, key_fetching};
use crate::key_cache::{FetchedKeys, KeyCache};
use crate::revocations::Following;
use crate::{Clock, Issuer, RevocationFeed, WhenStale};

/// A builder of an [`Issuer`] on the network. [`Discovery::connect`] waits for its keys and its revocation
/// list; [`Discovery::connect_lazily`] does not.
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
#[must_use = "nothing is fetched until `connect` or `connect_lazily` is called"]
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

/// Which revocation list is followed.
#[derive(Clone)]
enum Feed {
    FromMetadata,
    At(String),
    /// The metadata is not read, and the caller did not call [`Discovery::follow`].
    Unspecified,
    Ignored,
}

/// Half of the ten minutes for which an issuer expects verifiers to cache its keys.
const REFRESH_EVERY: Duration = Duration::from_secs(300);

/// How long [`Discovery::connect`] waits for the revocation list.
const FIRST_LIST_TIME: Duration = Duration::from_secs(15);

impl Issuer {
    /// An issuer whose metadata names its key set, and its revocation list if it has one. `name` is the
    /// issuer's URL. It must equal the metadata's `issuer` and the tokens' `iss` byte for byte.
    pub fn discover(name: impl Into<Arc<str>>) -> Discovery {
        Discovery::new(name.into(), None, Feed::FromMetadata)
    }

    /// An issuer whose key set is at `jwks_url`. Its metadata is not read. Its revocations are not followed
    /// unless [`Discovery::follow`] names the list; without that, [`WhenStale::Refuse`] is an error.
    pub fn fetching(name: impl Into<Arc<str>>, jwks_url: impl Into<String>) -> Discovery {
        Discovery::new(name.into(), Some(jwks_url.into()), Feed::Unspecified)
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

    /// What to do with tokens while the revocation list is outdated, or if there is none. Default: accept
    /// them for a minute, or without limit if there is no list; see [`WhenStale::Serve`].
    pub fn when_stale(mut self, when_stale: WhenStale) -> Self {
        self.when_stale = when_stale;
        self
    }

    /// Follows the revocation list at this URL instead of the one in the metadata. Its stream must be at the
    /// same URL with `/stream` appended.
    pub fn follow(mut self, feed_url: impl Into<String>) -> Self {
        self.feed = Feed::At(feed_url.into());
        self
    }

    /// Does not follow revocations: tokens of revoked sessions are accepted until they expire. This overrides
    /// [`Discovery::when_stale`].
    pub fn ignore_revocations(mut self) -> Self {
        self.feed = Feed::Ignored;
        self
    }

    /// The maximum age of the keys before they are fetched again. Default: five minutes; minimum: 30 seconds.
    /// The actual time is random, from half of it to all of it, so that APIs do not send their requests
    /// together. The issuer must publish a key for longer than this before it signs with the key.
    pub fn refresh_every(mut self, refresh_every: Duration) -> Self {
        self.refresh_every = refresh_every;
        self
    }

    /// Sends all requests with this client. Use it for your own certificates, proxy or resolver. The client
    /// must not follow redirects (`redirect::Policy::none()`), and must not have a `timeout`, which would end
    /// the revocation stream. The default client trusts the machine's certificates, and uses the proxy in
    /// `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, except for an issuer on this machine.
    pub fn client(mut self, client: Client) -> Self {
        self.client = Some(client);
        self
    }

    /// Sets the clock that keys and revocations are checked against. Default: the system clock.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Calls `observer` when keys cannot be fetched or revocations cannot be followed. With the feature
    /// `tracing`, such problems are also logged at level `warn`.
    pub fn on_trouble(mut self, observer: impl Fn(&Trouble) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Fetches the keys and the revocation list, and then keeps both up to date.
    ///
    /// # Errors
    ///
    /// - [`IssuerError::Address`], [`IssuerError::NoRuntime`] or [`IssuerError::Client`] if the settings
    ///   cannot be used.
    /// - [`IssuerError::NoList`] with [`WhenStale::Refuse`], if there is no revocation list.
    /// - [`IssuerError::NoRevocations`] if the revocation list does not arrive within 15 seconds.
    /// - Any other [`IssuerError`] if the metadata or the keys cannot be fetched, or are invalid.
    pub async fn connect(self) -> Result<Issuer, IssuerError> {
        let when_stale = self.when_stale;
        let parts = self.parts()?;
        parts.cache.begin_fetch();
        key_fetching::fetch(&parts.cache, &parts.source).await?;
        if when_stale.needs_list() && matches!(*parts.source.feed.borrow(), FeedAddress::NoList) {
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

    /// Like [`Discovery::connect`], but does not wait. Until keys and revocations are known, tokens are
    /// rejected with [`crate::Refusal::KeysUnknown`] or [`crate::Refusal::RevocationsUnknown`], and the layer
    /// responds with 503.
    ///
    /// # Errors
    ///
    /// - [`IssuerError::Address`] if a URL is not allowed.
    /// - [`IssuerError::NoRuntime`] outside of a Tokio runtime.
    /// - [`IssuerError::Client`] if the HTTP client cannot be built.
    /// - [`IssuerError::NoList`] with [`WhenStale::Refuse`] and [`Issuer::fetching`], if
    ///   [`Discovery::follow`] was not called.
    pub fn connect_lazily(self) -> Result<Issuer, IssuerError> {
        let parts = self.parts()?;
        parts.cache.begin_fetch();
        parts.start()
    }

    fn parts(self) -> Result<Parts, IssuerError> {
        let keys = match self.keys {
            Some(address) => KeyAddress::Given(http_client::parse_url(&address)?),
            None => {
                http_client::parse_url(&self.issuer)?;
                KeyAddress::Discovered(Mutex::default())
            }
        };
        let address = match self.feed {
            Feed::FromMetadata => FeedAddress::Unknown,
            Feed::At(address) => FeedAddress::At(http_client::parse_url(&address)?),
            Feed::Unspecified if self.when_stale.needs_list() => return Err(IssuerError::NoList),
            Feed::Unspecified | Feed::Ignored => FeedAddress::Ignored,
        };
        let feed = RevocationFeed::undecided(self.when_stale);
        match address {
            FeedAddress::Unknown | FeedAddress::NoList => {}
            FeedAddress::Ignored => feed.decide(Following::No),
            FeedAddress::At(_) => feed.decide(Following::From(self.clock.now())),
        }
        let source = Source {
            client: self.client.map_or_else(|| http_client::new_client(&self.issuer), Ok)?,
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

/// The parts of an issuer whose tasks are not started yet.
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
        let keeping = runtime.spawn(key_fetching::keep_fresh(cache.clone(), source.clone()));
        let follower = Follower {
            source,
            cache: cache.clone(),
            feed: feed.clone(),
            is_ready,
            stream_health: StreamHealth::default(),
        };
        let following = runtime.spawn(follower.run());
        let tasks = [keeping.abort_handle(), following.abort_handle()];
        Ok(Issuer::fetched(name, FetchedKeys { cache, tasks }, feed))
    }
}

impl fmt::Debug for Discovery {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Discovery").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}
