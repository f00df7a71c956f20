//! A tower layer that requires a valid access token (RFC 6750).
//!
//! The layer reads the token, verifies it, checks the scopes, and adds the claims to the request's extensions
//! as `Arc<AccessTokenClaims>`. The response to a denied request contains only the status and a fixed text;
//! the observer gets the reason. Put a CORS layer outside of this one, because preflight requests have no
//! token.

mod denial;
mod response;

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

/// A layer that requires an access token, and optionally scopes.
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
/// let response = orders.oneshot(Request::new(String::new())).await?;
/// assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
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

/// How clients send the token, and which responses they expect.
#[derive(Clone, Copy, Debug)]
enum Clients {
    /// As RFC 6750 defines.
    Standard,
    /// As in the Express tutorial.
    Legacy,
}

type Observer = Arc<dyn Fn(&Denial) + Send + Sync>;

impl RequireToken {
    /// Accepts every token that the verifier accepts, with any scope.
    pub fn new(verifier: Verifier) -> Self {
        Self { verifier, scope: Scope::default(), clients: Clients::Standard, observer: None }
    }

    /// Also requires a scope, or several that are separated by spaces. Each call adds to the required scopes.
    ///
    /// # Panics
    ///
    /// Panics if the text is not a valid scope (RFC 6749 §3.3).
    #[must_use]
    pub fn scope(mut self, scope: &str) -> Self {
        let both = if self.scope.is_empty() { scope.to_owned() } else { format!("{} {scope}", self.scope) };
        self.scope = Scope::parse(&both).expect("the required scope has the form of RFC 6749 §3.3");
        self
    }

    /// Serves legacy clients, which were written for the Express tutorial. They may send the token without
    /// `Bearer` in the `Authorization` header, and get the tutorial's responses:
    ///
    /// - 401 `{"message":"No access token provided"}` without a token.
    /// - 403 `{"message":"Failed to authenticate access token"}` if the token is rejected or lacks a scope.
    /// - 503, as without this option, if the token cannot be checked at the moment.
    ///
    /// Tokens are verified in the same way. To accept the tokens of the tutorial's server as well, call
    /// [`Verifier::accept_legacy_tokens`].
    #[must_use]
    pub fn legacy_clients(mut self) -> Self {
        self.clients = Clients::Legacy;
        self
    }

    /// Calls `observer` with the reason of every denial, for logs or metrics. With the feature `tracing`,
    /// denials are also logged at level `debug`.
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

    fn response<B: From<String>>(&self, denial: &Denial) -> Response<B> {
        let realm = self.verifier.audience();
        match self.clients {
            Clients::Standard => response::for_client(denial, &self.scope, realm),
            Clients::Legacy => response::for_legacy_client(denial, realm),
        }
    }

    fn report(&self, denial: &Denial) {
        #[cfg(feature = "tracing")]
        tracing::debug!(error = denial as &dyn std::error::Error, "request denied");
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

/// The service that [`RequireToken`] creates: it calls the inner service only for requests with a valid
/// token.
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
        // `poll_ready` was called on this instance, so this instance must be called, and not the clone.
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
                    Ok(required.response(&denial))
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
