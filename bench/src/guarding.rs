//! The layer that guards an API, without the API: what it adds to a request.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll, Waker};

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderValue, Request, Response, StatusCode};
use countersign_token::Algorithm;
use countersign_verify::{
    Clock, Issuer, RequireToken, RevocationFeed, RevocationPage, TokenRequired, Verifier, WhenStale,
};
use tower::{Layer as _, Service};

use crate::signing::{ISSUER, NOW, Signing};

/// Sessions on the list of revocations that every token is held against.
const REVOKED: u64 = 1000;

/// A guarded handler that does nothing, and a good token for it.
pub struct Guarding {
    service: TokenRequired<Handler>,
    authorization: HeaderValue,
}

/// Answers every request at once.
#[derive(Clone)]
struct Handler;

impl Guarding {
    /// With room to remember so many tokens.
    pub fn new(places: usize) -> Self {
        let signing = Signing::new(Algorithm::Es256);
        let feed = RevocationFeed::new(WhenStale::default());
        let page = signing.revocations(REVOKED).expect("the claims are an object");
        let page = RevocationPage::verify(&page, signing.keys(), ISSUER, NOW).expect("the list is good");
        feed.apply(page, NOW).expect("it is the first page");
        let issuer = Issuer::with_keys_and_revocations(ISSUER, signing.keys().clone(), feed);
        let verifier = Verifier::for_audience(ISSUER, issuer).remember(places).clock(Clock::from_fn(|| NOW));
        let authorization = format!("Bearer {}", signing.token()).try_into().expect("a token is ASCII");
        Self { service: RequireToken::new(verifier).layer(Handler), authorization }
    }

    /// One request through the layer; the status of its answer.
    pub fn ask(&mut self) -> StatusCode {
        let mut request = Request::new(String::new());
        request.headers_mut().insert(AUTHORIZATION, self.authorization.clone());
        let mut answer = self.service.call(request);
        match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(response)) => response.status(),
            Poll::Ready(Err(never)) => match never {},
            // Nothing that a good token needs is on its way.
            Poll::Pending => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl Service<Request<String>> for Handler {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<String>) -> Self::Future {
        ready(Ok(Response::new(String::new())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_let_through_whether_it_is_remembered_or_not() {
        for places in [0, 8] {
            let mut guarding = Guarding::new(places);
            assert_eq!([guarding.ask(), guarding.ask()], [StatusCode::OK; 2]);
        }
    }

    #[test]
    fn another_token_is_not() {
        let mut guarding = Guarding::new(8);
        guarding.authorization = Guarding::new(8).authorization;
        assert_eq!(guarding.ask(), StatusCode::UNAUTHORIZED);
    }
}
