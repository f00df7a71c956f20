//! Refreshing sessions of a fleet at random: what many users at once look like to a server.

use std::collections::HashMap;
use std::sync::Arc;

use countersign::load::{Conversation, Reply, tutorial};
use countersign_core::Secret;

use crate::fleet::Fleet;

/// One connection that refreshes its share of a fleet, a random session each time.
pub(crate) struct Roaming {
    fleet: Arc<Fleet>,
    first: u64,
    count: u64,
    /// This connection's number, and how many there are.
    share: (u64, u64),
    state: u64,
    current: u64,
    /// The tokens of those that were refreshed.
    tokens: HashMap<u64, Secret<String>>,
}

impl Roaming {
    /// The conversations of so many connections, which share `count` sessions from `first` on.
    pub(crate) fn conversations(
        fleet: &Arc<Fleet>,
        (first, count): (u64, u64),
        connections: u64,
    ) -> Vec<Box<dyn Conversation>> {
        let one = |number| {
            let state = number ^ 0x9E37_79B9_7F4A_7C15;
            let mut roaming = Self {
                fleet: fleet.clone(),
                first,
                count,
                share: (number, connections),
                state,
                current: 0,
                tokens: HashMap::new(),
            };
            roaming.move_on();
            Box::new(roaming) as Box<dyn Conversation>
        };
        (0..connections).map(one).collect()
    }

    /// A simple generator: which session is next must not be predictable to a cache, only to us.
    fn move_on(&mut self) {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (number, connections) = self.share;
        let mine = (self.count - number).div_ceil(connections);
        self.current = self.first + number + connections * ((self.state >> 33) % mine);
    }
}

impl Conversation for Roaming {
    fn ask(&mut self, request: &mut Vec<u8>) {
        let fleet = &self.fleet;
        let token = self.tokens.entry(self.current).or_insert_with(|| fleet.token(self.current));
        tutorial::ask_to_refresh(request, Some(token));
    }

    fn hear(&mut self, reply: &Reply<'_>) -> bool {
        let Some(pair) = tutorial::read_pair(reply) else { return false };
        self.tokens.insert(self.current, pair.refresh_token);
        self.move_on();
        true
    }
}
