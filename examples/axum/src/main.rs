//! An API that accepts access tokens. It keeps keys and revocations up to date, requires scopes on routes,
//! has a type for custom claims, trusts a second issuer, and logs why it rejects a request.
//!
//! `routes.rs` has the routes; this file sets up the verifier and the listener.

mod routes;
mod settings;

use std::io::Write as _;

use anyhow::Context as _;
use countersign_verify::{Issuer, Verifier, WhenStale};
use tokio::net::TcpListener;

use settings::Settings;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter("info,countersign_verify=debug")
        .init();
    let settings = Settings::from_environment()?;
    let verifier = verifier(&settings).await?;
    let listener = TcpListener::bind(("127.0.0.1", settings.port)).await?;
    writeln!(std::io::stdout(), "listening on port {}", listener.local_addr()?.port())?;
    axum::serve(listener, routes::router(verifier)).await?;
    Ok(())
}

/// Trusts `ISSUER`, which must be reachable at start, and `STAFF_ISSUER`, if it is set, which may start
/// later.
async fn verifier(settings: &Settings) -> anyhow::Result<Verifier> {
    let issuer = Issuer::discover(settings.issuer.as_str());
    let issuer = issuer.when_stale(settings.when_stale).refresh_every(settings.refresh_every);
    let issuer = issuer.connect().await.with_context(|| {
        format!(
            "cannot use {} as issuer; check that it runs, and that ISSUER equals its issuer exactly",
            settings.issuer
        )
    })?;
    let verifier = Verifier::for_audience(settings.audience.as_str(), issuer);
    match &settings.staff_issuer {
        None => Ok(verifier),
        Some(staff) => {
            // Staff tokens permit more, so they are refused while the revocation list is out of date.
            let staff = Issuer::discover(staff.as_str()).when_stale(WhenStale::Refuse).connect_lazily()?;
            Ok(verifier.also_trust(staff))
        }
    }
}
