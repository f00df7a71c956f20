//! The API: orders that belong to their user, and the tutorial's protected route.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use countersign_verify::{AccessToken, RequireToken, Verifier};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The whole outside.
pub(crate) fn router(verifier: Verifier) -> Router {
    let token = RequireToken::new(verifier);
    let reading = get(list).route_layer(token.clone().scope("orders:read"));
    let writing = post(order).route_layer(token.clone().scope("orders:write"));
    Router::new()
        .route("/orders", reading.merge(writing))
        .route("/protectedRoute", get(protected).route_layer(token))
        .route("/livez", get(async || "ok"))
        .with_state(Orders::default())
}

/// A user's own claims that this API knows; an issuer may leave them out.
#[derive(Deserialize)]
struct Own {
    username: Option<String>,
}

#[derive(Clone, Default)]
struct Orders(Arc<Mutex<Vec<Order>>>);

#[derive(Clone, Serialize)]
struct Order {
    number: usize,
    article: String,
    /// For the label on the parcel.
    recipient: String,
    #[serde(skip)]
    owner: Owner,
}

/// Whose an order is. Two issuers may call their users by the same name.
#[derive(Clone, PartialEq)]
struct Owner {
    issuer: String,
    subject: String,
}

#[derive(Deserialize)]
struct Wish {
    article: String,
}

async fn list(State(orders): State<Orders>, token: AccessToken) -> Json<Vec<Order>> {
    let owner = Owner::of(&token);
    let orders = orders.0.lock().unwrap_or_else(PoisonError::into_inner);
    Json(orders.iter().filter(|order| order.owner == owner).cloned().collect())
}

async fn order(
    State(orders): State<Orders>,
    token: AccessToken<Own>,
    Json(Wish { article }): Json<Wish>,
) -> (StatusCode, Json<Order>) {
    let recipient = token.extra.username.clone().unwrap_or_else(|| token.sub.clone());
    let mut orders = orders.0.lock().unwrap_or_else(PoisonError::into_inner);
    let order = Order { number: orders.len() + 1, article, recipient, owner: Owner::of(&token) };
    orders.push(order.clone());
    (StatusCode::CREATED, Json(order))
}

async fn protected(token: AccessToken) -> Json<Value> {
    Json(json!({ "message": "This is a protected route", "user": token.claims() }))
}

impl Owner {
    fn of<C>(token: &AccessToken<C>) -> Self {
        Self { issuer: token.iss.clone(), subject: token.sub.clone() }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use countersign_verify::KeySet;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn nothing_but_the_sign_of_life_is_open() {
        let router = router(Verifier::new("https://id.example", "https://api.example", KeySet::default()));
        let asked = [
            ("GET", "/livez", 200),
            ("GET", "/orders", 401),
            ("POST", "/orders", 401),
            ("GET", "/protectedRoute", 401),
            ("DELETE", "/orders", 405),
        ];
        for (method, path, status) in asked {
            let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
            let answer = router.clone().oneshot(request).await.unwrap();
            assert_eq!(answer.status().as_u16(), status, "{method} {path}");
        }
    }
}
