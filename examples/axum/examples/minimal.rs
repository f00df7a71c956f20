//! A minimal protected API: `ISSUER=… AUDIENCE=… PORT=… cargo run --release -p countersign-example-api
//! --example minimal`.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a minimal example without settings or log"
)]

use std::env::var;

use axum::{Json, Router, routing::get};
use countersign_verify::{AccessToken, RequireToken, Verifier};
use serde_json::json;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let verifier = Verifier::discover(&var("ISSUER")?, &var("AUDIENCE")?).await?;
    let show =
        async |token: AccessToken| Json(json!({ "message": "This is a protected route", "user": *token }));
    let app = Router::new().route("/protectedRoute", get(show)).route_layer(RequireToken::new(verifier));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", var("PORT")?.parse()?)).await?;
    println!("listening");
    Ok(axum::serve(listener, app).await?)
}
