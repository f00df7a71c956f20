//! Custom deserialization of networks, and serialization that hides secrets.

use std::net::IpAddr;

use countersign_core::Secret;
use ipnet::IpNet;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Deserializes networks. An address without a prefix length is the network of that address only.
pub(super) fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let read = |text: &String| {
        let text = text.trim();
        let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network.map_err(|_| {
            D::Error::custom(format!("`{text}` is not an address or a network such as `10.0.0.0/8`"))
        })
    };
    Vec::<String>::deserialize(deserializer)?.iter().map(read).collect()
}

/// Serializes the URL of a database file as it is, and only the scheme of any other URL, which may have a password.
#[expect(clippy::ref_option, reason = "the signature is serde's")]
pub(super) fn without_credentials<S: Serializer>(
    url: &Option<Secret<String>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    url.as_ref().map(|url| countersign_store::without_credentials(url.expose())).serialize(serializer)
}

#[expect(clippy::ref_option, reason = "the signature is serde's")]
pub(super) fn redacted<S: Serializer>(
    secret: &Option<Secret<String>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(|_| "(redacted)").serialize(serializer)
}
