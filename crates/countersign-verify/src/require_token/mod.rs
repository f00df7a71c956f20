//! A tower layer that lets a request through only with an access token (RFC 6750).
//!
//! It finds the token, has it verified, looks for the scopes, and leaves the claims with the request as
//! `Arc<AccessTokenClaims>`. Whoever is refused learns the status and nothing else; the reason goes to the
//! observer. Put a layer that answers preflight requests outside of this one, because those carry no token.

mod answer;
mod denial;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use countersign_token::{AccessTokenClaims, Scope};
use http::header::AUTHORIZATION;
use http::{HeaderMap, Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use crate::authorization::legacy_client_token;
use crate::{Verifier, bearer_token};

pub use denial::Denial;

/// Requires an access token, and scopes if some are named.
///
/// ```
/// use countersign_verify::{JwkSet, RequireToken, Verifier};
/// use http::{Request, Response, StatusCode};
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let keys = JwkSet::parse(br#"{"keys":[]}"#)?.into();
/// let verifier = Verifier::new("https://id.example", "https://api.example", keys);
/// let orders = ServiceBuilder::new()
///     .layer(RequireToken::new(verifier).scope("orders:read"))
///     .service(service_fn(async |_: Request<String>| Ok::<_, std::io::Error>(Response::new(String::from("none yet")))));
///
/// let answer = orders.oneshot(Request::new(String::new())).await?;
/// assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RequireToken {
    verifier: Verifier,
    scope: Scope,
    clients: Clients,
    observer: Option<Observer>,
}

/// How clients send the token, and which responses they know.
#[derive(Clone, Copy, Debug)]
enum Clients {
    /// As RFC 6750 has it.
    Standard,
    /// As the Express tutorial has it.
    Legacy,
}

type Observer = Arc<dyn Fn(&Denial) + Send + Sync>;

impl RequireToken {
    /// Every token is accepted that the verifier accepts, whatever its scope.
    pub fn new(verifier: Verifier) -> Self {
        Self { verifier, scope: Scope::default(), clients: Clients::Standard, observer: None }
    }

    /// Also requires this scope, or these with a space between them; may be called again for more.
    ///
    /// # Panics
    ///
    /// When the text is no scope (RFC 6749 §3.3).
    #[must_use]
    pub fn scope(mut self, scope: &str) -> Self {
        let both = if self.scope.is_empty() { scope.to_owned() } else { format!("{} {scope}", self.scope) };
        self.scope = Scope::parse(&both).expect("the required scope is written as RFC 6749 §3.3 has it");
        self
    }

    /// Serves clients that were written for the Express tutorial: the token may stand alone in the `Authorization`
    /// header, and responses are the tutorial's: 401 `{"message":"No access token provided"}` without a token, 403
    /// `{"message":"Failed to authenticate access token"}` with one that is not accepted or lacks a scope. What cannot
    /// be looked up stays 503. Tokens are checked as ever; [`Verifier::accept_legacy_tokens`] also accepts those that
    /// the tutorial's server signed.
    #[must_use]
    pub fn legacy_clients(mut self) -> Self {
        self.clients = Clients::Legacy;
        self
    }

    /// Calls `observer` with the reason of every refusal, to be logged or counted. With the feature `tracing`
    /// that is in the log in any case, at the level `debug`.
    #[must_use]
    pub fn on_denial(mut self, observer: impl Fn(&Denial) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    async fn admit(&self, headers: &HeaderMap) -> Result<Arc<AccessTokenClaims>, Denial> {
        let mut authorizations = headers.get_all(AUTHORIZATION).iter();
        let authorization = authorizations.next().ok_or(Denial::NoToken)?;
        if authorizations.next().is_some() {
            return Err(Denial::SeveralHeaders);
        }
        let authorization = authorization.to_str().map_err(|_| Denial::Malformed)?;
        let token = match self.clients {
            Clients::Standard => bearer_token(authorization)?,
            Clients::Legacy => legacy_client_token(authorization).ok_or(Denial::NoToken)?,
        };
        let claims = self.verifier.verify_now(token).await?;
        if self.scope.is_subset_of(&claims.scope) { Ok(claims) } else { Err(Denial::Scope) }
    }

    fn answer<B: From<String>>(&self, denial: &Denial) -> Response<B> {
        let realm = self.verifier.audience();
        match self.clients {
            Clients::Standard => answer::to(denial, &self.scope, realm),
            Clients::Legacy => answer::to_legacy_client(denial, realm),
        }
    }

    fn report(&self, denial: &Denial) {
        #[cfg(feature = "tracing")]
        tracing::debug!(error = denial as &dyn std::error::Error, "a request is denied");
        if let Some(observer) = &self.observer {
            observer(denial);
        }
    }
}

impl<S> Layer<S> for RequireToken {
    type Service = TokenRequired<S>;

    fn layer(&self, inner: S) -> TokenRequired<S> {
        TokenRequired { inner, required: Arc::new(self.clone()) }
    }
}

/// A service behind [`RequireToken`].
#[derive(Clone, Debug)]
pub struct TokenRequired<S> {
    inner: S,
    required: Arc<RequireToken>,
}

impl<S, In, Out> Service<Request<In>> for TokenRequired<S>
where
    S: Service<Request<In>, Response = Response<Out>> + Clone + Send + 'static,
    S::Future: Send,
    In: Send + 'static,
    Out: From<String>,
{
    type Response = Response<Out>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Out>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<In>) -> Self::Future {
        // The one that is ready must be the one that is called.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let required = self.required.clone();
        Box::pin(async move {
            let admitted = required.admit(request.headers());
            match admitted.await {
                Ok(claims) => {
                    request.extensions_mut().insert(claims);
                    inner.call(request).await
                }
                Err(denial) => {
                    required.report(&denial);
                    Ok(required.answer(&denial))
                }
            }
        })
    }
}

impl fmt::Debug for RequireToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RequireToken")
            .field("verifier", &self.verifier)
            .field("scope", &self.scope)
            .field("clients", &self.clients)
            .finish_non_exhaustive()
    }
}
