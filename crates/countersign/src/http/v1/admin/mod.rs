//! The routes for administrators and services. They require an access token with the scope `countersign:admin`.

pub(crate) mod clients;
pub(crate) mod sessions;
pub(crate) mod users;

use std::str::FromStr;

use serde::{Deserialize, Deserializer};

use crate::http::error::Failure;

/// The most rows in one page of a list.
const MAX_LIMIT: u32 = 500;

/// Which page of a list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listing {
    after: Option<String>,
    limit: Option<u32>,
}

/// The number of rows in a page: 100, unless the request has a `limit`.
fn check_limit(limit: Option<u32>) -> Result<u32, Failure> {
    let limit = limit.unwrap_or(100);
    if (1..=MAX_LIMIT).contains(&limit) {
        Ok(limit)
    } else {
        Err(Failure::malformed(format!("`limit` is between 1 and {MAX_LIMIT}.")))
    }
}

/// Parses an id in a query. A malformed id is an error of the request; in a path, it is an object that does not exist.
fn parse_parameter<Id: FromStr>(name: &str, text: Option<&str>) -> Result<Option<Id>, Failure> {
    let malformed = |_| Failure::malformed(format!("`{name}` is not an id."));
    text.map(|text| text.parse().map_err(malformed)).transpose()
}

/// A member that is present, even if it is null.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
