//! Refreshes random sessions of a fleet, which simulates many concurrent users.

use std::collections::HashMap;
use std::sync::Arc;

use countersign_core::Secret;
use countersign_load::{Conversation, Response, tutorial};

use crate::fleet::Fleet;

/// One connection, which refreshes random sessions of its share of a fleet.
pub(crate) struct RandomRefreshes {
    fleet: Arc<Fleet>,
    first: u64,
    count: u64,
    /// This connection's number, and the number of connections.
    share: (u64, u64),
    state: u64,
    current: u64,
    /// The newest tokens of the sessions that were refreshed, by session number.
    tokens: HashMap<u64, Secret<String>>,
}

impl RandomRefreshes {
    /// Creates one conversation for each connection. They share `count` sessions, starting with number
    /// `first`.
    pub(crate) fn conversations(
        fleet: &Arc<Fleet>,
        (first, count): (u64, u64),
        connections: u64,
    ) -> Vec<Box<dyn Conversation>> {
        let one = |number| {
            let state = number ^ 0x9E37_79B9_7F4A_7C15;
            let mut refreshes = Self {
                fleet: fleet.clone(),
                first,
                count,
                share: (number, connections),
                state,
                current: 0,
                tokens: HashMap::new(),
            };
            refreshes.choose_next();
            Box::new(refreshes) as Box<dyn Conversation>
        };
        (0..connections).map(one).collect()
    }

    /// Chooses the next session with a simple generator. The order must be repeatable, but not predictable
    /// for caches.
    fn choose_next(&mut self) {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (number, connections) = self.share;
        let mine = (self.count - number).div_ceil(connections);
        self.current = self.first + number + connections * ((self.state >> 33) % mine);
    }
}

impl Conversation for RandomRefreshes {
    fn write_request(&mut self, request: &mut Vec<u8>) {
        let fleet = &self.fleet;
        let token = self.tokens.entry(self.current).or_insert_with(|| fleet.token(self.current));
        tutorial::write_refresh_request(request, token);
    }

    fn accept(&mut self, response: &Response<'_>) -> bool {
        let Some(pair) = tutorial::read_pair(response) else { return false };
        self.tokens.insert(self.current, pair.refresh_token);
        self.choose_next();
        true
    }
}
