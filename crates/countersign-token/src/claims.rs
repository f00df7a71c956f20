//! The claims of an access token (RFC 9068 §2.2), and the names that custom claims must not use.

use serde::de::Error as _;
use serde::ser::{Error as _, SerializeMap};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::{Scope, Timestamp};

/// The claims of an access token. They are serialised in the order of the fields, with `extra` last.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct AccessTokenClaims {
    /// The issuer's URL. Verifiers compare it byte for byte.
    pub iss: String,
    /// The user's ID, or the client's ID if the client acts for itself. Not empty, no control characters.
    #[serde(deserialize_with = "identifier")]
    pub sub: String,
    /// The APIs that may accept the token.
    pub aud: Audience,
    /// The first second in which the token is no longer valid.
    pub exp: Timestamp,
    /// When the token was issued, by the issuer's clock.
    pub iat: Timestamp,
    /// The token's unique ID. Not empty, no control characters.
    #[serde(deserialize_with = "identifier")]
    pub jti: String,
    /// The client that requested the token. Not empty, no control characters.
    #[serde(deserialize_with = "identifier")]
    pub client_id: String,
    /// The granted scope. An empty scope is left out of the token.
    #[serde(default)]
    pub scope: Scope,
    /// The session's ID. Revoking a session revokes all tokens with this ID.
    #[serde(deserialize_with = "identifier")]
    pub sid: String,
    /// When the user last authenticated. Left out of the token when unknown.
    #[serde(default, deserialize_with = "present")]
    pub auth_time: Option<Timestamp>,
    /// All other claims: `acr`, `amr`, `cnf`, and custom claims. A name of a field above is an error when
    /// signing.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// The fields of [`AccessTokenClaims`]. `extra` must not repeat them.
const FIELDS: [&str; 10] =
    ["iss", "sub", "aud", "exp", "iat", "jti", "client_id", "scope", "sid", "auth_time"];

/// Claims besides [`FIELDS`] that a protocol defines: RFC 7519 §4.1, OpenID Connect Core §2 and §3.3.2.11,
/// RFC 7800 §3, RFC 8417 §2, RFC 8693 §4, RFC 9396 §9 and RFC 9449 §4.2. `roles` and `groups` are left out
/// because they are typical custom claims.
const PROTOCOL_CLAIMS: [&str; 18] = [
    "nbf",
    "typ",
    "azp",
    "nonce",
    "acr",
    "amr",
    "cnf",
    "act",
    "may_act",
    "at_hash",
    "c_hash",
    "ath",
    "htm",
    "htu",
    "events",
    "txn",
    "toe",
    "authorization_details",
];

/// Whether `name` is reserved: a custom claim must not use it, because verifiers would believe that the
/// server set it.
pub fn is_registered_claim(name: &str) -> bool {
    FIELDS.contains(&name) || PROTOCOL_CLAIMS.contains(&name)
}

/// Reads an identifier that other systems compare and log. It must not be empty, and must not contain control
/// characters, because some systems truncate the text there.
fn identifier<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(D::Error::custom("an identifier must not be empty or contain control characters"));
    }
    Ok(text)
}

/// Rejects `null`: a claim that is present must have a value.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    Timestamp::deserialize(deserializer).map(Some)
}

/// Written by hand to reject an extra claim that repeats a field: the token would be ambiguous.
impl Serialize for AccessTokenClaims {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(name) = FIELDS.into_iter().find(|name| self.extra.contains_key(*name)) {
            return Err(S::Error::custom(format!("the extra claim `{name}` repeats a claim of the token")));
        }
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("iss", &self.iss)?;
        object.serialize_entry("sub", &self.sub)?;
        object.serialize_entry("aud", &self.aud)?;
        object.serialize_entry("exp", &self.exp)?;
        object.serialize_entry("iat", &self.iat)?;
        object.serialize_entry("jti", &self.jti)?;
        object.serialize_entry("client_id", &self.client_id)?;
        if !self.scope.is_empty() {
            object.serialize_entry("scope", self.scope.as_str())?;
        }
        object.serialize_entry("sid", &self.sid)?;
        if let Some(auth_time) = self.auth_time {
            object.serialize_entry("auth_time", &auth_time)?;
        }
        for (name, value) in &self.extra {
            object.serialize_entry(name, value)?;
        }
        object.end()
    }
}

/// One API or several (RFC 7519 §4.1.3). In JSON, a string or an array of strings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// One API, a string in JSON.
    One(String),
    /// Any number of APIs, an array in JSON.
    Many(Vec<String>),
}

impl Audience {
    /// Whether `audience` is one of the APIs. The comparison is byte for byte.
    pub fn contains(&self, audience: &str) -> bool {
        match self {
            Self::One(one) => one == audience,
            Self::Many(many) => many.iter().any(|one| one == audience),
        }
    }
}
