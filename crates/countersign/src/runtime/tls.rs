//! The TLS certificate: loaded at the start and reloaded on SIGHUP. The server does not offer HTTP/2.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use axum_server::tls_rustls::RustlsConfig;

use crate::config::TlsConfig;

pub(super) async fn load(tls: &TlsConfig) -> anyhow::Result<Option<RustlsConfig>> {
    let Some((certificate, key)) = pem_files(tls) else { return Ok(None) };
    let loaded = RustlsConfig::from_pem_file(certificate, key).await.inspect(offer_only_http_1);
    let names =
        || format!("cannot use `tls.certificate` {} with `tls.key` {}", certificate.display(), key.display());
    loaded.map(Some).with_context(names)
}

/// Offers only HTTP/1.1. No route needs HTTP/2, and there is no timeout for idle HTTP/2 connections.
fn offer_only_http_1(tls: &RustlsConfig) {
    let mut config = (*tls.get_inner()).clone();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    tls.reload_from_config(Arc::new(config));
}

fn pem_files(tls: &TlsConfig) -> Option<(&Path, &Path)> {
    tls.certificate.as_deref().zip(tls.key.as_deref())
}

pub(super) async fn reload(files: &TlsConfig, tls: Option<&RustlsConfig>) {
    let Some((tls, (certificate, key))) = tls.zip(pem_files(files)) else { return };
    match tls.reload_from_pem_file(certificate, key).await {
        Ok(()) => offer_only_http_1(tls),
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "the certificate could not be reloaded; the old one stays in use");
        }
    }
}
