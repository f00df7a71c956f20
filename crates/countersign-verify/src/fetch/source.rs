//! Where an issuer's keys and revocations are: at an address that was given, or where its metadata says
//! (RFC 8414, OpenID Connect Discovery 1.0).

use std::sync::{Arc, Mutex, PoisonError};

use countersign_token::JwkSet;
use countersign_token::json::parse_strict;
use reqwest::{Client, Url};
use serde_json::Value;
use tokio::sync::watch;

use super::error::{IssuerError, Trouble};
use super::origin;

/// What is called when something goes wrong.
pub(super) type Observer = Arc<dyn Fn(&Trouble) + Send + Sync>;

/// One issuer on the network.
pub(super) struct Source {
    pub(super) client: Client,
    pub(super) issuer: Arc<str>,
    pub(super) keys: KeyAddress,
    pub(super) feed: watch::Sender<FeedAddress>,
    pub(super) observer: Option<Observer>,
}

/// Where the key set is.
pub(super) enum KeyAddress {
    Given(Url),
    /// In the metadata; `None`: not looked up yet, or again after a failure.
    Discovered(Mutex<Option<Url>>),
}

/// Where the list of revocations is.
#[derive(Clone, Debug)]
pub(super) enum FeedAddress {
    /// The metadata will say.
    Unknown,
    Nowhere,
    At(Url),
    /// Wherever it is: it was said that it does not matter.
    Ignored,
}

/// What the metadata says.
struct Metadata {
    keys: Url,
    feed: FeedAddress,
}

/// A document of forty members takes 4 KiB.
const LONGEST_METADATA: usize = 64 * 1024;

/// As [`JwkSet::parse`] takes it.
const LONGEST_KEY_SET: usize = 512 * 1024;

impl Source {
    /// Fetches the key set, after the metadata if its address is not known.
    pub(super) async fn key_set(&self) -> Result<JwkSet, IssuerError> {
        match &self.keys {
            KeyAddress::Given(url) => self.key_set_at(url.clone()).await,
            KeyAddress::Discovered(found) => {
                // Taken out, so that it is looked up again if this fails: the address may be what has changed.
                let known = found.lock().unwrap_or_else(PoisonError::into_inner).take();
                let may_come = matches!(*self.feed.borrow(), FeedAddress::Nowhere);
                let url = match known {
                    Some(url) if !may_come => url,
                    // An issuer that is being upgraded may name a list of revocations from now on.
                    _ => self.discover().await?,
                };
                let set = self.key_set_at(url.clone()).await?;
                *found.lock().unwrap_or_else(PoisonError::into_inner) = Some(url);
                Ok(set)
            }
        }
    }

    /// Tells whoever wants to know.
    pub(super) fn report(&self, trouble: Trouble) {
        #[cfg(feature = "tracing")]
        tracing::warn!(
            issuer = &*self.issuer,
            error = &trouble as &dyn std::error::Error,
            "an issuer gives trouble"
        );
        if let Some(observer) = &self.observer {
            observer(&trouble);
        }
    }

    async fn key_set_at(&self, url: Url) -> Result<JwkSet, IssuerError> {
        Ok(JwkSet::parse(&origin::get(&self.client, url, LONGEST_KEY_SET).await?)?)
    }

    async fn discover(&self) -> Result<Url, IssuerError> {
        let Metadata { keys, feed } = self.metadata().await?;
        self.feed.send_if_modified(|known| {
            // An address stands: metadata that lost it must not end the following.
            let is_news = matches!(
                (&*known, &feed),
                (FeedAddress::Unknown, _) | (FeedAddress::Nowhere, FeedAddress::At(_))
            );
            if is_news {
                *known = feed;
            }
            is_news
        });
        Ok(keys)
    }

    async fn metadata(&self) -> Result<Metadata, IssuerError> {
        let mut outcome = Err(IssuerError::Address(self.issuer.to_string()));
        for url in well_known(&self.issuer)? {
            outcome = origin::get(&self.client, url, LONGEST_METADATA).await;
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
    let said = text("issuer")?.ok_or(IssuerError::Metadata("issuer"))?;
    if said != issuer {
        // RFC 8414 §3.3: identical, or the metadata is not to be used.
        return Err(IssuerError::OtherIssuer(said.to_owned()));
    }
    let keys = origin::parse(text("jwks_uri")?.ok_or(IssuerError::Metadata("jwks_uri"))?)?;
    let feed = match text("revocation_feed_uri")? {
        None => FeedAddress::Nowhere,
        Some(address) => FeedAddress::At(origin::parse(address)?),
    };
    Ok(Metadata { keys, feed })
}

/// Where metadata may be, the likeliest place first. With a path, RFC 8414 §3.1 puts it behind the well-known one
/// and OpenID Connect Discovery §4 before; both are in use for both.
fn well_known(issuer: &str) -> Result<Vec<Url>, IssuerError> {
    let url = origin::parse(issuer)?;
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
    fn metadata_is_looked_for_where_the_standards_put_it() {
        let places = |issuer: &str| {
            let urls = well_known(issuer).expect("the issuer is acceptable");
            urls.into_iter().map(String::from).collect::<Vec<_>>()
        };
        let at_root = [
            "https://id.example/.well-known/oauth-authorization-server",
            "https://id.example/.well-known/openid-configuration",
        ];
        assert_eq!(places("https://id.example"), at_root);
        assert_eq!(places("https://id.example/"), at_root);
        assert_eq!(
            places("https://id.example/shop"),
            [
                "https://id.example/.well-known/oauth-authorization-server/shop",
                "https://id.example/shop/.well-known/openid-configuration",
                "https://id.example/shop/.well-known/oauth-authorization-server",
            ]
        );
    }

    #[test]
    fn metadata_must_be_of_the_issuer_to_the_letter_and_name_acceptable_addresses() {
        let issuer = "https://id.example";
        let good = json!({ "issuer": issuer, "jwks_uri": "https://keys.example/jwks.json" });
        let with = |name: &str, value: Value| {
            let mut metadata = good.clone();
            metadata[name] = value;
            read_metadata(issuer, &metadata)
        };
        let read = read_metadata(issuer, &good).expect("it is as it must be");
        assert_eq!(read.keys.as_str(), "https://keys.example/jwks.json");
        assert!(matches!(read.feed, FeedAddress::Nowhere));
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
