//! The verification layer of an API without the API, to measure what the layer adds to a request.

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

/// Number of sessions on the revocation list, which the layer checks for every token.
const REVOKED: u64 = 1000;

/// The layer in front of a handler that does nothing, and a valid token.
pub struct Guarding {
    service: TokenRequired<Handler>,
    authorization: HeaderValue,
}

/// Responds to every request at once with an empty body.
#[derive(Clone)]
struct Handler;

impl Guarding {
    /// `capacity` is the number of verified tokens that the verifier remembers.
    pub fn new(capacity: usize) -> Self {
        let signing = Signing::new(Algorithm::Es256);
        let feed = RevocationFeed::new(WhenStale::default());
        let page = signing.revocations(REVOKED).expect("the claims are an object");
        let page = RevocationPage::verify(&page, signing.keys(), ISSUER, NOW).expect("the list is good");
        feed.apply(page, NOW).expect("it is the first page");
        let issuer = Issuer::with_keys_and_revocations(ISSUER, signing.keys().clone(), feed);
        let verifier =
            Verifier::for_audience(ISSUER, issuer).remember(capacity).clock(Clock::from_fn(|| NOW));
        let authorization = format!("Bearer {}", signing.token()).try_into().expect("a token is ASCII");
        Self { service: RequireToken::new(verifier).layer(Handler), authorization }
    }

    /// Sends one request through the layer, and returns the status of the response.
    pub fn ask(&mut self) -> StatusCode {
        let mut request = Request::new(String::new());
        request.headers_mut().insert(AUTHORIZATION, self.authorization.clone());
        let mut answer = self.service.call(request);
        match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(response)) => response.status(),
            Poll::Ready(Err(never)) => match never {},
            // Verifying a valid token never waits, so this is an error.
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
    fn the_token_is_accepted_with_and_without_a_cache() {
        for capacity in [0, 8] {
            let mut guarding = Guarding::new(capacity);
            assert_eq!([guarding.ask(), guarding.ask()], [StatusCode::OK; 2]);
        }
    }

    #[test]
    fn another_token_is_rejected() {
        let mut guarding = Guarding::new(8);
        guarding.authorization = Guarding::new(8).authorization;
        assert_eq!(guarding.ask(), StatusCode::UNAUTHORIZED);
    }
}
