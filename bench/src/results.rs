//! The rounds of a measurement, and the results of the comparison by row.

use std::collections::BTreeMap;

use countersign_load::Measured;
use serde::{Deserialize, Serialize};

/// The duration and the number of rounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    pub(crate) warm_up: f64,
    pub(crate) seconds: f64,
}

/// The results, by the name of the row in the report.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Results {
    pub(crate) rounds: BTreeMap<String, Vec<Measured>>,
    /// Microseconds: signature, commit, amortised commit.
    pub(crate) parts: [f64; 3],
}

/// The names of the rows. The report finds results by these names.
pub(crate) mod row {
    pub(crate) const REFRESH: &str = "Countersign, ES256, durable";
    pub(crate) const STORELESS: &str = "Countersign without a store, ES256";
    pub(crate) const LONE: &str = "Countersign, one client";
    pub(crate) const EMPTY: &str = "an empty handler of the same stack";
    pub(crate) const EXPRESS: &str = "Express, secrets as strings";
    pub(crate) const TUNED: &str = "Express, tuned";
    pub(crate) const OIDC_PROVIDER: &str = "oidc-provider, in memory";
    pub(crate) const KEYCLOAK: &str = "Keycloak on PostgreSQL";
    pub(crate) const VERIFY_HS256: &str = "Countersign, HS256, protected route";
    pub(crate) const VERIFY_ES256: &str = "Countersign, ES256, protected route";
    pub(crate) const VERIFY_EXPRESS: &str = "Express, secrets as strings, protected route";
    pub(crate) const VERIFY_TUNED: &str = "Express, tuned, protected route";
}
