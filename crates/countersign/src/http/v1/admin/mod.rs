//! For administrators and services: an access token of scope `countersign:admin`.

pub(in super::super) mod sessions;
pub(in super::super) mod users;

use serde::Deserialize;

use super::super::error::Failure;

/// The most rows in one piece of a list.
const MAX_LIMIT: u32 = 500;

/// Which piece of a list.
#[derive(Deserialize)]
pub(in super::super) struct Piece {
    after: Option<String>,
    limit: Option<u32>,
}

impl Piece {
    fn limit(&self) -> Result<u32, Failure> {
        let limit = self.limit.unwrap_or(100);
        if (1..=MAX_LIMIT).contains(&limit) {
            Ok(limit)
        } else {
            Err(Failure::malformed(format!("`limit` is between 1 and {MAX_LIMIT}.")))
        }
    }
}
