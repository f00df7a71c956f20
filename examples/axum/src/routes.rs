//! The routes: orders, each of which belongs to a user, and the tutorial's protected route.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use countersign_verify::{AccessToken, RequireToken, Verifier};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// All routes of the API.
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

/// The custom claims that this API uses. An issuer may omit them.
#[derive(Deserialize)]
struct CustomClaims {
    username: Option<String>,
}

#[derive(Clone, Default)]
struct Orders(Arc<Mutex<Vec<Order>>>);

#[derive(Clone, Serialize)]
struct Order {
    number: usize,
    article: String,
    /// The name on the parcel's label.
    recipient: String,
    #[serde(skip)]
    owner: Owner,
}

/// The user that an order belongs to. It includes the issuer, because two issuers may use the same subject.
#[derive(Clone, PartialEq)]
struct Owner {
    issuer: String,
    subject: String,
}

#[derive(Deserialize)]
struct NewOrder {
    article: String,
}

async fn list(State(orders): State<Orders>, token: AccessToken) -> Json<Vec<Order>> {
    let owner = Owner::of(&token);
    let orders = orders.0.lock().unwrap_or_else(PoisonError::into_inner);
    Json(orders.iter().filter(|order| order.owner == owner).cloned().collect())
}

async fn order(
    State(orders): State<Orders>,
    token: AccessToken<CustomClaims>,
    Json(NewOrder { article }): Json<NewOrder>,
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
    async fn only_the_liveness_route_needs_no_token() {
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
            let response = router.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status().as_u16(), status, "{method} {path}");
        }
    }
}
