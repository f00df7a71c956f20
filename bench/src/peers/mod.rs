//! The servers that Countersign is compared with, each started as its documentation says.
//!
//! A peer provides refresh tokens of new sessions, and the format of a refresh request. Before the
//! measurement, each peer is checked with a refresh, because a server that only returns errors would be fast.

mod express;
mod keycloak;
mod keycloak_distribution;
mod node;
mod oidc_provider;
mod postgres;

use std::fs::File;
use std::io::Read as _;
use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use crate::http::{Post, Reply};
use crate::server::{Cpu, Server};

pub(crate) use express::Form;
pub(crate) use node::Program;

/// The start of an ES256 token: `{"alg":"ES256",` in base64url.
const ES256: &str = "eyJhbGciOiJFUzI1NiIs";
/// The start of an HS256 token: `{"alg":"HS256",` in base64url.
const HS256: &str = "eyJhbGciOiJIUzI1NiIs";

/// The kinds of peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The tutorial's server, in one of two forms.
    Express(Form),
    /// `oidc-provider` for Node, with its built-in store in memory.
    OidcProvider,
    /// Keycloak with PostgreSQL.
    Keycloak,
}

/// A running peer. Its servers are stopped on drop.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) base: SocketAddr,
    pub(crate) dialect: Dialect,
    opening: Opening,
    reuse: Reuse,
    /// Dropped in order: a server before the database that it uses.
    servers: Vec<Server>,
}

/// The format of a refresh request.
#[derive(Debug, Clone)]
pub(crate) enum Dialect {
    /// JSON to `/refreshToken`, as in the tutorial; access tokens are HS256.
    Tutorial,
    /// RFC 6749 §6, with the client's secret in the body; access tokens are ES256.
    OAuth { path: String, client_id: String, client_secret: String },
}

/// How to get the first refresh token of a session.
#[derive(Debug, Clone)]
enum Opening {
    /// `POST /getTokens`, which signs in the only user.
    GetTokens,
    /// `POST /seed`, which replaces a sign-in with a browser.
    Seed,
    /// The password grant (RFC 6749 §4.3) for `user0` to `user{users - 1}` in turn, all with the same
    /// password.
    Password { users: usize, password: String },
}

/// How a peer treats a refresh token that was already used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reuse {
    Accepted,
    Refused,
}

/// The tokens that a refresh returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Kind {
    /// Parses the name of a peer and, for Express, its form.
    ///
    /// # Errors
    ///
    /// If the peer or the form is unknown.
    pub(crate) fn parse(name: &str, form: Option<&str>) -> Result<Self> {
        match (name, form) {
            ("express", None | Some("as-written")) => Ok(Self::Express(Form::AsWritten)),
            ("express", Some("tuned")) => Ok(Self::Express(Form::Tuned)),
            ("express", Some(form)) => {
                bail!("unknown form `{form}` of express; use `as-written` or `tuned`")
            }
            ("oidc-provider", None) => Ok(Self::OidcProvider),
            ("keycloak", None) => Ok(Self::Keycloak),
            ("oidc-provider" | "keycloak", Some(_)) => bail!("{name} has only one form; omit `--form`"),
            _ => bail!("unknown peer `{name}`; use express, oidc-provider or keycloak"),
        }
    }
}

impl Peer {
    /// Installs the peer if necessary, starts it on one processor and waits until it is ready.
    pub(crate) fn start(kind: Kind, cpu: Cpu) -> Result<Self> {
        match kind {
            Kind::Express(form) => express::start(form, cpu),
            Kind::OidcProvider => oidc_provider::start(cpu),
            Kind::Keycloak => keycloak::start(cpu),
        }
    }

    /// The process ID of the server that handles the requests.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.servers.first().map(Server::pid)
    }

    /// The refresh tokens of `count` new sessions.
    ///
    /// Express does not store sessions: tokens that it issues in the same second are equal.
    pub(crate) fn refresh_tokens(&self, count: usize) -> Result<Vec<String>> {
        match &self.opening {
            Opening::GetTokens => {
                let sign_in = Post::json("/getTokens", &json!({}));
                (0..count).map(|_| self.first_token(&sign_in)).collect()
            }
            Opening::Seed => {
                let reply = Post::form(format!("/seed?count={count}"), &[]).send(self.base)?;
                serde_json::from_value(reply.body["refreshTokens"].clone())
                    .with_context(|| format!("{} did not create the sessions: {}", self.name, reply.body))
            }
            Opening::Password { users, password } => {
                let sign_in = |session: usize| {
                    let username = format!("user{}", session % users);
                    self.first_token(&self.dialect.password_grant(&username, password)?)
                };
                (0..count).map(sign_in).collect()
            }
        }
    }

    /// The access token of a new session, from one refresh.
    pub(crate) fn access_tokens(&self) -> Result<Vec<String>> {
        let token =
            self.refresh_tokens(1)?.pop().with_context(|| format!("{} opened no session", self.name))?;
        Ok(vec![self.tokens(&self.dialect.refresh(&token).send(self.base)?)?.access])
    }

    /// Checks the peer with one refresh, and then presents the spent token again.
    ///
    /// # Errors
    ///
    /// If the refresh does not return tokens of the right kind, or if the peer does not treat the spent token
    /// as expected.
    pub(crate) fn prove(&self) -> Result<()> {
        let first =
            self.refresh_tokens(1)?.pop().with_context(|| format!("{} opened no session", self.name))?;
        let refresh = self.dialect.refresh(&first);
        let second = self.tokens(&refresh.send(self.base)?)?;
        ensure!(
            second.access.starts_with(self.dialect.access_token_header()),
            "{} signs its access tokens otherwise than expected: {}",
            self.name,
            second.access
        );
        let again = refresh.send(self.base)?;
        match self.reuse {
            Reuse::Accepted => self.tokens(&again).map(drop),
            Reuse::Refused => {
                ensure!(second.refresh != first, "{} did not rotate the refresh token", self.name);
                let is_refused = again.status == 400 && again.body["error"] == "invalid_grant";
                ensure!(is_refused, "{} responded to a spent token with {again:?}", self.name);
                Ok(())
            }
        }
    }

    fn first_token(&self, sign_in: &Post) -> Result<String> {
        Ok(self.tokens(&sign_in.send(self.base)?)?.refresh)
    }

    fn tokens(&self, reply: &Reply) -> Result<Tokens> {
        let tokens = self.dialect.tokens(&reply.body).filter(|_| reply.status == 200);
        tokens.with_context(|| format!("{} returned no tokens: {reply:?}", self.name))
    }
}

impl Dialect {
    /// A refresh request, which the measurement repeats.
    pub(crate) fn refresh(&self, refresh_token: &str) -> Post {
        match self {
            Self::Tutorial => Post::json("/refreshToken", &json!({ "refreshToken": refresh_token })),
            Self::OAuth { path, client_id, client_secret } => Post::form(
                path,
                &[
                    ("grant_type", "refresh_token"),
                    ("refresh_token", refresh_token),
                    ("client_id", client_id),
                    ("client_secret", client_secret),
                ],
            ),
        }
    }

    /// The tokens in the body of a response.
    pub(crate) fn tokens(&self, body: &Value) -> Option<Tokens> {
        let (access, refresh) = match self {
            Self::Tutorial => ("accessToken", "refreshToken"),
            Self::OAuth { .. } => ("access_token", "refresh_token"),
        };
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        Some(Tokens { access: text(access)?, refresh: text(refresh)? })
    }

    fn access_token_header(&self) -> &'static str {
        match self {
            Self::Tutorial => HS256,
            Self::OAuth { .. } => ES256,
        }
    }

    fn password_grant(&self, username: &str, password: &str) -> Result<Post> {
        let Self::OAuth { path, client_id, client_secret } = self else {
            bail!("the tutorial's server has no password grant");
        };
        let fields = [
            ("grant_type", "password"),
            ("username", username),
            ("password", password),
            ("client_id", client_id),
            ("client_secret", client_secret),
        ];
        Ok(Post::form(path, &fields))
    }
}

/// A new secret: 64 hexadecimal characters.
fn secret() -> Result<String> {
    let mut bytes = [0; 32];
    File::open("/dev/urandom").and_then(|mut random| random.read_exact(&mut bytes))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_express_has_forms() {
        assert_eq!(Kind::parse("express", None).unwrap(), Kind::Express(Form::AsWritten));
        assert_eq!(Kind::parse("express", Some("tuned")).unwrap(), Kind::Express(Form::Tuned));
        assert!(Kind::parse("express", Some("fast")).is_err());
        assert!(Kind::parse("keycloak", Some("tuned")).is_err());
        assert!(Kind::parse("auth0", None).is_err());
    }

    #[test]
    fn each_dialect_reads_its_own_reply() {
        let oauth = Dialect::OAuth {
            path: "/token".to_owned(),
            client_id: "bench".to_owned(),
            client_secret: "aa".to_owned(),
        };
        let reply = json!({ "access_token": "a", "refresh_token": "r", "expires_in": 900 });
        let tokens = Tokens { access: "a".to_owned(), refresh: "r".to_owned() };
        assert_eq!(oauth.tokens(&reply), Some(tokens));
        assert_eq!(Dialect::Tutorial.tokens(&reply), None);
        let body = "grant_type=refresh_token&refresh_token=r&client_id=bench&client_secret=aa";
        assert_eq!(oauth.refresh("r").body, body);
    }
}
