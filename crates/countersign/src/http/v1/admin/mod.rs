//! For administrators and services: an access token of scope `countersign:admin`.

pub(crate) mod sessions;
pub(crate) mod users;

use std::str::FromStr;

use serde::Deserialize;

use crate::http::error::Failure;

/// The most rows in one piece of a list.
const MAX_LIMIT: u32 = 500;

/// Which piece of a list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Piece {
    after: Option<String>,
    limit: Option<u32>,
}

/// How many rows somebody asked for.
fn check_limit(limit: Option<u32>) -> Result<u32, Failure> {
    let limit = limit.unwrap_or(100);
    if (1..=MAX_LIMIT).contains(&limit) {
        Ok(limit)
    } else {
        Err(Failure::malformed(format!("`limit` is between 1 and {MAX_LIMIT}.")))
    }
}

/// An id in a query: unlike one in a path, a malformed one is a mistake and not a thing that is not there.
fn parse_parameter<Id: FromStr>(name: &str, text: Option<&str>) -> Result<Option<Id>, Failure> {
    let malformed = |_| Failure::malformed(format!("`{name}` is not an id."));
    text.map(|text| text.parse().map_err(malformed)).transpose()
}
