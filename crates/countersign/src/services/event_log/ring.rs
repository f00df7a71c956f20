//! The newest events, in two rings, so that frequent refreshes do not displace the rarer events.

use std::collections::VecDeque;
use std::sync::Arc;

use super::event::{Change, Event};

/// The number of events in each ring. Both rings take at most 6 MB. At the highest load of a server, this is half a
/// second of refreshes.
const CAPACITY: usize = 10_000;

/// The newest events of both kinds.
#[derive(Default)]
pub(super) struct EventRings {
    refreshes: Ring,
    /// Opened, expired and revoked sessions.
    lifecycle: Ring,
}

#[derive(Default)]
struct Ring {
    events: VecDeque<Arc<Event>>,
    /// The number of the newest event that was dropped, or 0.
    lost: u64,
}

impl EventRings {
    pub(super) fn push(&mut self, event: Event) {
        let ring = match event.change {
            Change::Moved { .. } | Change::Replayed { .. } => &mut self.refreshes,
            Change::Opened | Change::Expired | Change::Revoked { .. } | Change::AllRevoked => {
                &mut self.lifecycle
            }
        };
        if ring.events.len() == CAPACITY {
            ring.lost = ring.events.pop_front().map_or(0, |event| event.number);
        }
        ring.events.push_back(Arc::new(event));
    }

    /// The number of the newest event that was dropped, or 0.
    pub(super) fn lost(&self) -> u64 {
        self.refreshes.lost.max(self.lifecycle.lost)
    }

    /// The first `count` events after the one with this number, in order.
    pub(super) fn after(&self, number: u64, count: usize) -> Vec<Arc<Event>> {
        let of = |ring: &Ring| {
            let start = ring.events.partition_point(|event| event.number <= number);
            ring.events.range(start..).take(count).cloned().collect::<Vec<_>>()
        };
        let mut events = [of(&self.refreshes), of(&self.lifecycle)].concat();
        events.sort_unstable_by_key(|event| event.number);
        events.truncate(count);
        events
    }
}
