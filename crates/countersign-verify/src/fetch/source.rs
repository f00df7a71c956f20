//! The URLs of an issuer's key set and revocation list: configured, or read from its metadata (RFC 8414,
//! OpenID Connect Discovery 1.0).

use std::sync::{Arc, Mutex, PoisonError};

use countersign_token::JwkSet;
use countersign_token::json::parse_strict;
use reqwest::{Client, Url};
use serde_json::Value;
use tokio::sync::watch;

use super::error::{IssuerError, Trouble};
use super::http_client;

/// The callback of `Discovery::on_trouble`.
pub(super) type Observer = Arc<dyn Fn(&Trouble) + Send + Sync>;

/// One issuer on the network, with its URLs and its HTTP client.
pub(super) struct Source {
    pub(super) client: Client,
    pub(super) issuer: Arc<str>,
    pub(super) keys: KeyAddress,
    pub(super) feed: watch::Sender<FeedAddress>,
    pub(super) observer: Option<Observer>,
}

/// The URL of the key set.
pub(super) enum KeyAddress {
    Given(Url),
    /// From the metadata. `None` before the first fetch, and after a failed one, so that the metadata is read
    /// again.
    Discovered(Mutex<Option<Url>>),
}

/// The URL of the revocation list.
#[derive(Clone, Debug)]
pub(super) enum FeedAddress {
    /// The metadata was not read yet.
    Unknown,
    /// The metadata names no list.
    NoList,
    At(Url),
    /// The caller chose to ignore revocations.
    Ignored,
}

/// The members of the metadata that this crate uses.
struct Metadata {
    keys: Url,
    feed: FeedAddress,
}

/// In bytes. Metadata with forty members takes 4 KiB.
const LONGEST_METADATA: usize = 64 * 1024;

/// In bytes. The limit of [`JwkSet::parse`].
const LONGEST_KEY_SET: usize = 512 * 1024;

impl Source {
    /// Fetches the key set. Reads the metadata first if the URL is not known, or if the metadata named no
    /// list so far.
    pub(super) async fn key_set(&self) -> Result<JwkSet, IssuerError> {
        match &self.keys {
            KeyAddress::Given(url) => self.key_set_at(url.clone()).await,
            KeyAddress::Discovered(found) => {
                // If this fetch fails, the next one reads the metadata again, because the URL may have
                // changed.
                let known = found.lock().unwrap_or_else(PoisonError::into_inner).take();
                let has_no_list = matches!(*self.feed.borrow(), FeedAddress::NoList);
                let url = match known {
                    Some(url) if !has_no_list => url,
                    // An issuer that was upgraded may name a revocation list now.
                    _ => self.discover().await?,
                };
                let set = self.key_set_at(url.clone()).await?;
                *found.lock().unwrap_or_else(PoisonError::into_inner) = Some(url);
                Ok(set)
            }
        }
    }

    /// Logs a problem and calls the observer.
    pub(super) fn report(&self, trouble: Trouble) {
        #[cfg(feature = "tracing")]
        tracing::warn!(
            issuer = &*self.issuer,
            error = &trouble as &dyn std::error::Error,
            "keys or revocations of an issuer could not be updated"
        );
        if let Some(observer) = &self.observer {
            observer(&trouble);
        }
    }

    async fn key_set_at(&self, url: Url) -> Result<JwkSet, IssuerError> {
        Ok(JwkSet::parse(&http_client::get(&self.client, url, LONGEST_KEY_SET).await?)?)
    }

    async fn discover(&self) -> Result<Url, IssuerError> {
        let Metadata { keys, feed } = self.metadata().await?;
        self.feed.send_if_modified(|known| {
            // A known URL is kept even if the metadata does not name it any more, so that following goes on.
            let is_new = matches!(
                (&*known, &feed),
                (FeedAddress::Unknown, _) | (FeedAddress::NoList, FeedAddress::At(_))
            );
            if is_new {
                *known = feed;
            }
            is_new
        });
        Ok(keys)
    }

    async fn metadata(&self) -> Result<Metadata, IssuerError> {
        let mut outcome = Err(IssuerError::Address(self.issuer.to_string()));
        for url in well_known(&self.issuer)? {
            outcome = http_client::get(&self.client, url, LONGEST_METADATA).await;
            if !matches!(outcome, Err(IssuerError::Status { .. })) {
                break;
            }
        }
        read_metadata(&self.issuer, &parse_strict(&outcome?)?)
    }
}

fn read_metadata(issuer: &str, metadata: &Value) -> Result<Metadata, IssuerError> {
    let text = |name: &'static str| match metadata.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(IssuerError::Metadata(name)),
    };
    let named = text("issuer")?.ok_or(IssuerError::Metadata("issuer"))?;
    if named != issuer {
        // RFC 8414 §3.3: if the issuers differ, the metadata must not be used.
        return Err(IssuerError::OtherIssuer(named.to_owned()));
    }
    let keys = http_client::parse_url(text("jwks_uri")?.ok_or(IssuerError::Metadata("jwks_uri"))?)?;
    let feed = match text("revocation_feed_uri")? {
        None => FeedAddress::NoList,
        Some(address) => FeedAddress::At(http_client::parse_url(address)?),
    };
    Ok(Metadata { keys, feed })
}

/// The possible URLs of the metadata, the most likely first. If the issuer has a path, RFC 8414 §3.1 puts it
/// after the well-known path, and OpenID Connect Discovery §4 before. Some issuers mix the two.
fn well_known(issuer: &str) -> Result<Vec<Url>, IssuerError> {
    let url = http_client::parse_url(issuer)?;
    let path = url.path().trim_end_matches('/');
    let mut paths = vec![
        format!("/.well-known/oauth-authorization-server{path}"),
        format!("{path}/.well-known/openid-configuration"),
    ];
    if !path.is_empty() {
        paths.push(format!("{path}/.well-known/oauth-authorization-server"));
    }
    let at = |path: String| {
        let mut url = url.clone();
        url.set_path(&path);
        url.set_query(None);
        url.set_fragment(None);
        url
    };
    Ok(paths.into_iter().map(at).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn metadata_is_looked_up_where_the_standards_put_it() {
        let urls_of = |issuer: &str| {
            let urls = well_known(issuer).expect("the issuer is a valid URL");
            urls.into_iter().map(String::from).collect::<Vec<_>>()
        };
        let at_root = [
            "https://id.example/.well-known/oauth-authorization-server",
            "https://id.example/.well-known/openid-configuration",
        ];
        assert_eq!(urls_of("https://id.example"), at_root);
        assert_eq!(urls_of("https://id.example/"), at_root);
        assert_eq!(
            urls_of("https://id.example/shop"),
            [
                "https://id.example/.well-known/oauth-authorization-server/shop",
                "https://id.example/shop/.well-known/openid-configuration",
                "https://id.example/shop/.well-known/oauth-authorization-server",
            ]
        );
    }

    #[test]
    fn metadata_must_name_exactly_this_issuer_and_only_allowed_urls() {
        let issuer = "https://id.example";
        let valid = json!({ "issuer": issuer, "jwks_uri": "https://keys.example/jwks.json" });
        let with = |name: &str, value: Value| {
            let mut metadata = valid.clone();
            metadata[name] = value;
            read_metadata(issuer, &metadata)
        };
        let read = read_metadata(issuer, &valid).expect("the metadata is valid");
        assert_eq!(read.keys.as_str(), "https://keys.example/jwks.json");
        assert!(matches!(read.feed, FeedAddress::NoList));
        assert!(matches!(with("issuer", json!("https://id.example/")), Err(IssuerError::OtherIssuer(_))));
        assert!(matches!(
            with("issuer", json!(["https://id.example"])),
            Err(IssuerError::Metadata("issuer"))
        ));
        assert!(matches!(with("jwks_uri", Value::Null), Err(IssuerError::Metadata("jwks_uri"))));
        assert!(matches!(with("jwks_uri", json!("http://keys.example")), Err(IssuerError::Address(_))));
        let feed = "revocation_feed_uri";
        assert!(matches!(with(feed, Value::Null), Err(IssuerError::Metadata("revocation_feed_uri"))));
        assert!(matches!(with(feed, json!("http://id.example/revocations")), Err(IssuerError::Address(_))));
    }
}
