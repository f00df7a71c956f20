//! An API that accepts access tokens, as a real one would: keys and revocations kept up to date, scopes on
//! routes, a user's own claims as a type, a second issuer, and a log that says why a request was denied.
//!
//! `routes.rs` is the API; this file is what stands around it.

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

/// Users come from `ISSUER`, which must be there; staff from `STAFF_ISSUER`, if there is one, which may come later.
async fn verifier(settings: &Settings) -> anyhow::Result<Verifier> {
    let issuer = Issuer::discover(settings.issuer.as_str());
    let issuer = issuer.when_stale(settings.when_stale).refresh_every(settings.refresh_every);
    let issuer = issuer.connect().await.with_context(|| {
        format!(
            "{} does not answer as an issuer does; is it running, and spelt as it spells itself?",
            settings.issuer
        )
    })?;
    let verifier = Verifier::for_audience(settings.audience.as_str(), issuer);
    match &settings.staff_issuer {
        None => Ok(verifier),
        Some(staff) => {
            // Staff can do more, so nothing is accepted while their revocations are not known.
            let staff = Issuer::discover(staff.as_str()).when_stale(WhenStale::Refuse).connect_lazily()?;
            Ok(verifier.also_trust(staff))
        }
    }
}
