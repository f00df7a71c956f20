//! A server in the test's process, with a temporary directory, a manual clock and seeded entropy.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::response::Response;
use base64::Engine as _;
use countersign::app::DemoUser;
use countersign::config::Config;
use countersign::flows::accounts::{self, Directory, FirstPassword, NewAccount};
use countersign::http::{self, Edge};
use countersign::runtime::assembly::{Assembled, assemble};
use countersign_core::client::{Client, ClientAuthentication, ClientSettings};
use countersign_core::refresh_token::RefreshToken;
use countersign_core::store::Store;
use countersign_core::testing::{ManualClock, SeededEntropy};
use countersign_core::user::{Role, User};
use countersign_core::{Secret, ServerKeys, SessionId, Timestamp, World};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tower::ServiceExt;

/// 2027-01-15, 08:00 UTC.
pub(crate) const START: u64 = 1_800_000_000;

pub(crate) const ISSUER: &str = "https://id.example.com";

/// The password of every test user; long enough for the password policy.
pub(crate) const PASSWORD: &str = "vbzq mwtx krfj plnd";

pub(crate) struct Harness {
    pub(crate) edge: Arc<Edge>,
    pub(crate) directory: TempDir,
    pub(crate) runtime: Runtime,
    pub(crate) routes: PublicRoutes,
    clock: Arc<ManualClock>,
    management: Router,
    key_policy: Option<countersign_core::signing_keys::KeyPolicy>,
}

/// The routes that clients can reach. Tests move a clone into each task to send concurrent requests.
#[derive(Clone)]
pub(crate) struct PublicRoutes(Router);

/// A response with its whole body.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

/// A token pair.
#[derive(Debug, Clone)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Harness {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::in_directory(tempfile::tempdir().unwrap(), START, change)
    }

    /// A server in development mode, with the lab. It only accepts requests with the host `localhost`.
    pub(crate) fn in_development(change: impl FnOnce(&mut Config)) -> Self {
        let demo = DemoUser { username: "john_doe".to_owned(), password: Secret::new(PASSWORD.to_owned()) };
        let with_demo = |server: Assembled| server.with_demo(demo).unwrap();
        let server = Self::assembled(tempfile::tempdir().unwrap(), START, change, |store| store, with_demo);
        server.add_user("john_doe");
        server
    }

    /// A server whose data directory may contain the files of an earlier server.
    pub(crate) fn in_directory(directory: TempDir, start: u64, change: impl FnOnce(&mut Config)) -> Self {
        Self::assembled(directory, start, change, |store| store, |server| server)
    }

    /// A server whose store is replaced by `wrap(store)`.
    pub(crate) fn over_store<S: Store + 'static>(wrap: impl FnOnce(Arc<dyn Store>) -> Arc<S>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self::assembled(directory, START, |_| {}, |store| wrap(store), |server| server)
    }

    fn assembled(
        directory: TempDir,
        start: u64,
        change: impl FnOnce(&mut Config),
        wrap: impl FnOnce(Arc<dyn Store>) -> Arc<dyn Store>,
        finish: impl FnOnce(Assembled) -> Assembled,
    ) -> Self {
        let mut config = Config { issuer: Some(ISSUER.to_owned()), ..Config::default() };
        config.data_dir = directory.path().to_owned();
        // Most tests sign in from one address, so its limit is out of reach unless a test sets it.
        config.throttle.address_burst = 100_000;
        change(&mut config);
        let clock = ManualClock::at(Timestamp::from_seconds(start));
        static HARNESSES: AtomicU64 = AtomicU64::new(1);
        let seed = HARNESSES.fetch_add(1, Ordering::Relaxed) << 40;
        let world = World::new(clock.clone(), SeededEntropy::new(seed));
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let server_keys = ServerKeys::parse(&master_key(&directory, &world)).unwrap();
        let assembled = runtime
            .block_on(async {
                let store =
                    wrap(countersign_store::open_with(&config.store_url()?, config.store_options()).await?);
                let issuer = config.issuer.clone().unwrap();
                assemble(&config, issuer, store, server_keys, &world).await
            })
            .unwrap();
        let Assembled { edge, key_policy } = finish(assembled);
        let routes = PublicRoutes(http::routes(&edge));
        let management = http::management_routes(&edge);
        let server = Self { edge, directory, runtime, routes, clock, management, key_policy };
        server.list_revocations();
        server
    }

    /// Stops this server and starts another one with the same directory and the same time.
    pub(crate) fn restart(self, change: impl FnOnce(&mut Config)) -> Self {
        let now = self.now().seconds();
        let Self { edge, directory, runtime, routes, management, .. } = self;
        drop((edge, routes, management));
        drop(runtime);
        Self::in_directory(directory, now, change)
    }

    pub(crate) fn wait(&self, duration: Duration) {
        self.clock.advance(duration);
        self.list_revocations();
    }

    /// Reads new revocations from the store, as the server does ten times a second. If the store fails, the
    /// list stays unchanged.
    pub(crate) fn list_revocations(&self) {
        let app = &self.edge.app;
        self.runtime.block_on(async {
            app.revocations.catch_up(&*app.store, &app.world).await.ok();
            app.events.note_revocations(&app.revocations, &*app.store).await.ok();
        });
    }

    /// Sets the wall clock forward, as when a virtual machine resumes. The monotonic clock does not change.
    pub(crate) fn set_forward(&self, seconds: u64) {
        self.clock.set_forward(Duration::from_secs(seconds));
    }

    /// Sets the wall clock back, which also simulates another node whose clock is behind.
    pub(crate) fn set_back(&self, seconds: u64) {
        self.clock.set_back(Duration::from_secs(seconds));
        self.list_revocations();
    }

    pub(crate) fn wait_seconds(&self, seconds: u64) {
        self.wait(Duration::from_secs(seconds));
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.edge.app.world.now()
    }

    /// Maintains the signing keys, as the server does every 30 seconds.
    pub(crate) fn keep_keys(&self) {
        let app = &self.edge.app;
        let policy = self.key_policy.unwrap();
        let (store, world) = (&*app.store, &app.world);
        let keeper =
            countersign::services::keyring::Keeper { store, server_keys: &app.server_keys, policy, world };
        app.keyring.replace(self.runtime.block_on(keeper.keep()).unwrap());
    }

    /// Rotates the signing keys as `key rotate --now` does; the server then loads them.
    pub(crate) fn rotate_keys(&self) {
        let app = &self.edge.app;
        let policy = self.key_policy.unwrap();
        let (store, world) = (&*app.store, &app.world);
        let keeper =
            countersign::services::keyring::Keeper { store, server_keys: &app.server_keys, policy, world };
        self.runtime.block_on(keeper.rotate()).unwrap();
        self.keep_keys();
    }

    pub(crate) fn request(&self, request: Call) -> Reply {
        self.runtime.block_on(self.routes.call(request))
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.request(Call::new(Method::GET, path))
    }

    pub(crate) fn get_as(&self, path: &str, access: &str) -> Reply {
        self.request(Call::new(Method::GET, path).bearer(access))
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        self.request(Call::new(Method::POST, path).json(body))
    }

    pub(crate) fn post_as(&self, path: &str, access: &str, body: &Value) -> Reply {
        self.request(Call::new(Method::POST, path).bearer(access).json(body))
    }

    pub(crate) fn delete_as(&self, path: &str, access: &str) -> Reply {
        self.request(Call::new(Method::DELETE, path).bearer(access))
    }

    pub(crate) fn metrics(&self) -> String {
        let request =
            Request::builder().uri("/metrics").header("host", "localhost").body(Body::empty()).unwrap();
        self.runtime.block_on(async {
            let response = self.management.clone().oneshot(request).await.unwrap();
            let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
            String::from_utf8(bytes.to_vec()).unwrap()
        })
    }

    /// The number of refreshes with this outcome, from the metrics.
    pub(crate) fn refreshes(&self, outcome: &str) -> u64 {
        let line = format!("countersign_refresh_total{{outcome=\"{outcome}\"}} ");
        let metrics = self.metrics();
        metrics.lines().find_map(|text| text.strip_prefix(&line)).unwrap().parse().unwrap()
    }

    /// Adds a user with [`PASSWORD`].
    pub(crate) fn add_user(&self, name: &str) -> User {
        self.add(NewAccount { username: name.to_owned(), ..NewAccount::default() })
    }

    pub(crate) fn add_admin(&self, name: &str) -> User {
        self.add(NewAccount { username: name.to_owned(), role: Some(Role::Admin), ..NewAccount::default() })
    }

    pub(crate) fn add(&self, account: NewAccount) -> User {
        let first = FirstPassword::Chosen(Secret::new(PASSWORD.to_owned()));
        let made = self.runtime.block_on(accounts::add(&Directory::of(&self.edge.app), &[], account, first));
        made.unwrap().user
    }

    /// Registers a public client, unless a client with this id exists.
    pub(crate) fn register_public(&self, id: &str) {
        let authentication = ClientAuthentication::None;
        let id = id.parse().unwrap();
        let client =
            Client { id, authentication, settings: ClientSettings::default(), created_at: self.now() };
        self.runtime.block_on(self.edge.app.store.add_client(&[], &client)).unwrap();
    }

    /// Signs a user in through `/getTokens`.
    pub(crate) fn sign_in(&self, name: &str) -> Tokens {
        let reply = self.post("/getTokens", &json!({"username": name, "password": PASSWORD}));
        assert_eq!(reply.status, 200, "{reply:?}");
        Tokens::of_tutorial(&reply)
    }

    /// Signs a user in through `/v1/sessions` and requests a scope.
    pub(crate) fn sign_in_for(&self, name: &str, scope: &str) -> Tokens {
        let reply =
            self.post("/v1/sessions", &json!({"username": name, "password": PASSWORD, "scope": scope}));
        assert_eq!(reply.status, 201, "{reply:?}");
        Tokens::of_first_party(&reply)
    }

    /// Adds the administrator `root` and returns an access token with the admin scope.
    pub(crate) fn administrator(&self) -> String {
        self.add_admin("root");
        self.sign_in_for("root", "countersign:admin").access
    }

    pub(crate) fn refresh(&self, token: &str) -> Reply {
        self.post("/refreshToken", &json!({"refreshToken": token}))
    }

    /// The session that a refresh token belongs to.
    pub(crate) fn session_of(&self, refresh: &str) -> SessionId {
        RefreshToken::parse(refresh, &self.edge.app.server_keys).unwrap().session
    }

    /// The session's row, and its user's.
    pub(crate) fn row(&self, id: SessionId) -> countersign_core::session::SessionWithUser {
        self.runtime.block_on(self.edge.app.store.session(id)).unwrap().unwrap()
    }

    /// The session's story, as `session explain` prints it.
    pub(crate) fn story(&self, id: SessionId) -> String {
        let row = self.row(id);
        countersign_core::story::tell(&row, self.now(), countersign::time_text::spoken).join("\n")
    }

    /// A direct connection to the database, for changes that the store's interface does not allow.
    pub(crate) fn database(&self) -> rusqlite::Connection {
        let connection = rusqlite::Connection::open(self.directory.path().join("countersign.db")).unwrap();
        connection.busy_timeout(Duration::from_secs(5)).unwrap();
        connection
    }
}

impl PublicRoutes {
    pub(crate) async fn call(&self, call: Call) -> Reply {
        let (parts, mut body) = self.respond(call).await.into_parts();
        // An event stream never ends, so this reads only its first event.
        let bytes = if parts.headers.get("content-type").is_some_and(|kind| kind == "text/event-stream") {
            body.frame().await.unwrap().unwrap().into_data().unwrap()
        } else {
            to_bytes(body, 1 << 20).await.unwrap()
        };
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Reply { status: parts.status, headers: parts.headers, text }
    }

    pub(crate) async fn respond(&self, Call { method, path, headers, body, from }: Call) -> Response {
        let mut builder = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| name == "host") {
            builder = builder.header("host", "id.example.com");
        }
        for (name, value) in headers {
            builder = builder.header(name, value);
        }
        let peer = std::net::SocketAddr::new(from.parse().unwrap(), 4321);
        let request = builder.extension(ConnectInfo(peer)).body(Body::from(body)).unwrap();
        self.0.clone().oneshot(request).await.unwrap()
    }
}

fn master_key(directory: &TempDir, world: &World) -> Secret<String> {
    let path: PathBuf = directory.path().join("master-key");
    if !path.exists() {
        std::fs::write(&path, ServerKeys::generate(world).expose()).unwrap();
    }
    Secret::new(std::fs::read_to_string(path).unwrap())
}

/// A request to [`PublicRoutes`].
pub(crate) struct Call {
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    from: String,
}

impl Call {
    pub(crate) fn new(method: Method, path: &str) -> Self {
        let from = "192.0.2.1".to_owned();
        Self { method, path: path.to_owned(), headers: Vec::new(), body: Vec::new(), from }
    }

    pub(crate) fn post(path: &str) -> Self {
        Self::new(Method::POST, path)
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").bytes(body.to_string().into_bytes())
    }

    pub(crate) fn form(self, fields: &[(&str, &str)]) -> Self {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.header("content-type", "application/x-www-form-urlencoded").bytes(body)
    }

    /// Authenticates a client with `client_secret_basic` (RFC 6749 §2.3.1).
    pub(crate) fn basic(self, id: &str, secret: &str) -> Self {
        let both = base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}"));
        self.header("authorization", &format!("Basic {both}"))
    }

    pub(crate) fn bytes(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn from(mut self, address: &str) -> Self {
        address.clone_into(&mut self.from);
        self
    }
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The value that a `Set-Cookie` header gives this cookie; empty if the header deletes it.
    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        let lines = self.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap());
        let found = lines.filter_map(|line| line.split_once('=')).find(|(found, _)| *found == name);
        found.map(|(_, rest)| rest.split(';').next().unwrap_or_default().to_owned())
    }

    /// The status, a space and the body.
    pub(crate) fn status_and_body(&self) -> String {
        let mut text = self.status.as_u16().to_string();
        write!(text, " {}", self.text).unwrap();
        text
    }

    /// The response without the request id, which differs in each response.
    pub(crate) fn without_request_id(&self) -> (StatusCode, Vec<(String, String)>, String) {
        let headers = self.headers.iter().filter(|(name, _)| *name != "x-request-id");
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
        (self.status, headers.collect(), self.text.clone())
    }
}

impl Tokens {
    pub(crate) fn of_tutorial(reply: &Reply) -> Self {
        Self::named(reply, "accessToken", "refreshToken")
    }

    pub(crate) fn of_first_party(reply: &Reply) -> Self {
        Self::named(reply, "access_token", "refresh_token")
    }

    fn named(reply: &Reply, access: &str, refresh: &str) -> Self {
        let body = reply.json();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        Self { access: text(access), refresh: text(refresh) }
    }
}
