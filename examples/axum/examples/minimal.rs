//! The least that guards an API: `cargo run --release -p countersign-example-api --example minimal`.

use axum::{Router, routing::get};
use countersign_verify::{AccessToken, RequireToken, Verifier};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let issuer = "http://localhost:3000";
    let verifier = Verifier::discover(issuer, issuer).await?;
    let app = Router::new()
        .route("/hello", get(async |token: AccessToken| format!("hello {}", token.sub)))
        .route_layer(RequireToken::new(verifier));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:4000").await?;
    axum::serve(listener, app).await?;
    Ok(())
}
