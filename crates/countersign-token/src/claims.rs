//! What an access token says (RFC 9068 §2.2), and which names a user's own claims may not take.

use serde::de::Error as _;
use serde::ser::{Error as _, SerializeMap};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::{Scope, Timestamp};

/// The claims of an access token, serialised in the order of the fields, the `extra` ones last.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct AccessTokenClaims {
    /// Who issued the token: the issuer's URL, to the letter.
    pub iss: String,
    /// The user, or the client when it acts for itself.
    #[serde(deserialize_with = "identifier")]
    pub sub: String,
    /// The APIs that the token is for.
    pub aud: Audience,
    /// The first moment at which the token is no longer valid.
    pub exp: Timestamp,
    /// When the token was issued.
    pub iat: Timestamp,
    /// The token's own name, never used twice.
    #[serde(deserialize_with = "identifier")]
    pub jti: String,
    /// The client that asked for the token.
    #[serde(deserialize_with = "identifier")]
    pub client_id: String,
    /// What was granted; left out when empty.
    #[serde(default)]
    pub scope: Scope,
    /// The session, by which all its tokens are revoked.
    #[serde(deserialize_with = "identifier")]
    pub sid: String,
    /// When the user last proved who they are; left out when unknown.
    #[serde(default, deserialize_with = "present")]
    pub auth_time: Option<Timestamp>,
    /// Everything else: `acr`, `amr`, `cnf`, and the user's own claims. Must not name a field above.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// The fields of [`AccessTokenClaims`], which `extra` must not repeat.
const FIELDS: [&str; 10] =
    ["iss", "sub", "aud", "exp", "iat", "jti", "client_id", "scope", "sid", "auth_time"];

/// Claims that a protocol gives a meaning to, beside [`FIELDS`]: RFC 7519 §4.1, OpenID Connect Core §2 and
/// §3.3.2.11, RFC 7800 §3, RFC 8417 §2, RFC 8693 §4, RFC 9396 §9 and RFC 9449 §4.2. `roles` and `groups`
/// are not among them: they are what a user's own claims are for.
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

/// Whether a user's own claims may never set `name`, because a verifier would believe that the server did.
pub fn is_registered_claim(name: &str) -> bool {
    FIELDS.contains(&name) || PROTOCOL_CLAIMS.contains(&name)
}

/// A name that others compare and log: not empty, and without control characters, which some of them cut off.
fn identifier<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(D::Error::custom("a name is empty or has a control character"));
    }
    Ok(text)
}

/// A claim that is there has a value: `null` is not absent.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    Timestamp::deserialize(deserializer).map(Some)
}

/// Written by hand because a repeated member would make the token mean two things.
impl Serialize for AccessTokenClaims {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(name) = FIELDS.into_iter().find(|name| self.extra.contains_key(*name)) {
            return Err(S::Error::custom(format!(
                "the extra claim `{name}` is already a claim of the token"
            )));
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

/// One API or several (RFC 7519 §4.1.3); on the wire a string or an array of strings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// A single API.
    One(String),
    /// Several APIs.
    Many(Vec<String>),
}

impl Audience {
    /// Whether the token is for `audience`, to the letter.
    pub fn contains(&self, audience: &str) -> bool {
        match self {
            Self::One(one) => one == audience,
            Self::Many(many) => many.iter().any(|one| one == audience),
        }
    }
}
