//! Pages of other origins.

use countersign_core::origin::Origin;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CheckError;
use super::check::failed;

/// Which pages of other origins may call the API.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CorsConfig {
    /// Origins whose pages may call `/v1` and the tutorial's routes with the user's cookies and tokens:
    /// `["https://app.example.com"]`. Keys, metadata and revocations are readable from every origin.
    pub allowed_origins: Vec<String>,
}

impl CorsConfig {
    /// The origins, checked. Each is written as browsers send it, so that nothing is compared in two forms.
    pub(super) fn check(&self) -> Result<Vec<Origin>, CheckError> {
        let exact = |text: &String| Origin::parse(text).ok().filter(|origin| origin.to_string() == *text);
        let origins: Option<Vec<_>> = self.allowed_origins.iter().map(exact).collect();
        origins.map_or_else(
            || {
                failed(
                    "cors.allowed_origins",
                    "each is an origin as browsers send it, such as `https://app.example.com`: scheme, host in small \
                     letters, and a port if it is not the scheme's own; no path and no `*`",
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
    fn an_origin_is_written_as_browsers_send_it() {
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
