//! The configuration of CORS: pages of other origins that may call the API.

use countersign_core::origin::Origin;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CheckError;
use super::check::failed;

/// Pages of other origins that may call the API.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CorsConfig {
    /// Origins whose pages may call `/v1` and the tutorial's routes with the user's cookies and tokens:
    /// `["https://app.example.com"]`. Pages of every origin can read keys, metadata and the revocation list.
    pub allowed_origins: Vec<String>,
}

impl CorsConfig {
    /// Returns the checked origins. Each must be written as browsers send it, so that origins can be compared as text.
    pub(super) fn check(&self) -> Result<Vec<Origin>, CheckError> {
        let exact = |text: &String| Origin::parse(text).ok().filter(|origin| origin.to_string() == *text);
        let origins: Option<Vec<_>> = self.allowed_origins.iter().map(exact).collect();
        origins.map_or_else(
            || {
                failed(
                    "cors.allowed_origins",
                    "each entry must be an origin as browsers send it, such as `https://app.example.com`: a scheme, a \
                     host in lower case, and a port unless it is the scheme's default; without a path and without `*`",
                )
            },
            Ok,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_must_be_written_as_browsers_send_it() {
        let check = |text: &str| CorsConfig { allowed_origins: vec![text.to_owned()] }.check().is_ok();
        for text in [
            "https://app.example.com",
            "http://localhost:5173",
            "https://app.example.com:8443",
            "http://[::1]:3000",
        ] {
            assert!(check(text), "{text}");
        }
        for text in [
            "*",
            "null",
            "",
            "https://*.example.com",
            "https://app.example.com/",
            "https://APP.example.com",
            "https://app.example.com:443",
            "app.example.com",
            "ftp://a",
        ] {
            assert!(!check(text), "{text}");
        }
    }
}
