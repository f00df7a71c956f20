//! Gets current token pairs for sessions of the fleet, with one refresh for each session.

use std::ops::Range;

use anyhow::{Context as _, Result};
use countersign_load::Connection;
use countersign_load::tutorial::{self, Pair};
use tokio::task::JoinSet;

use super::Bench;
use crate::fleet::Fleet;
use crate::ours::Ours;

/// Concurrent refreshes.
const AT_ONCE: u64 = 16;

impl Bench {
    /// The token pairs of `count` sessions, starting with number `first`, in order.
    pub(super) fn holders(&self, first: u64, count: u64) -> Result<Vec<Pair>> {
        let share = count.div_ceil(AT_ONCE).max(1);
        let end = first + count;
        let shares = (first..end).step_by(usize::try_from(share)?).map(|from| from..(from + share).min(end));
        let shares: Vec<_> = shares.collect();
        self.runtime.block_on(async {
            let mut refreshing = JoinSet::new();
            for share in shares {
                refreshing
                    .spawn(refresh(requests(&self.issuer, share.clone())?, (self.issuer.base, share.start)));
            }
            let mut parts = refreshing.join_all().await.into_iter().collect::<Result<Vec<_>>>()?;
            parts.sort_by_key(|(from, _)| *from);
            Ok(parts.into_iter().flat_map(|(_, pairs)| pairs).collect())
        })
    }
}

fn requests(issuer: &Ours, sessions: Range<u64>) -> Result<Vec<Vec<u8>>> {
    let fleet = Fleet::open(&issuer.directory)?;
    let request = |session| {
        let mut request = Vec::new();
        tutorial::write_refresh_request(&mut request, &fleet.token(session));
        request
    };
    Ok(sessions.map(request).collect())
}

async fn refresh(
    requests: Vec<Vec<u8>>,
    (issuer, from): (std::net::SocketAddr, u64),
) -> Result<(u64, Vec<Pair>)> {
    let mut connection = Connection::open(issuer).await?;
    let mut pairs = Vec::with_capacity(requests.len());
    for request in requests {
        let response = connection.exchange(&request).await?;
        pairs.push(
            tutorial::read_pair(&response)
                .with_context(|| format!("the server responded to a refresh with {}", response.status))?,
        );
    }
    Ok((from, pairs))
}
