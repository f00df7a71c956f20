//! The newest events, in two rings: what anybody can bring about by refreshing does not push out what is rare.

use std::collections::VecDeque;
use std::sync::Arc;

use super::event::{Change, Event};

/// Events that each ring keeps: together at most 6 MB, of refreshes half a second of a server's busiest.
const KEPT: usize = 10_000;

/// The newest events of either kind.
#[derive(Default)]
pub(super) struct EventRings {
    /// Refreshes.
    often: Ring,
    /// Beginnings and ends.
    seldom: Ring,
}

#[derive(Default)]
struct Ring {
    events: VecDeque<Arc<Event>>,
    /// The number of the last event that is not kept any more.
    lost: u64,
}

impl EventRings {
    pub(super) fn push(&mut self, event: Event) {
        let ring = match event.change {
            Change::Moved { .. } | Change::Replayed { .. } => &mut self.often,
            Change::Opened | Change::Expired | Change::Revoked { .. } | Change::AllRevoked => {
                &mut self.seldom
            }
        };
        if ring.events.len() == KEPT {
            ring.lost = ring.events.pop_front().map_or(0, |event| event.number);
        }
        ring.events.push_back(Arc::new(event));
    }

    /// The number of the last event that is not kept any more.
    pub(super) fn lost(&self) -> u64 {
        self.often.lost.max(self.seldom.lost)
    }

    /// At most `count` events with greater numbers, in order.
    pub(super) fn after(&self, number: u64, count: usize) -> Vec<Arc<Event>> {
        let of = |ring: &Ring| {
            let start = ring.events.partition_point(|event| event.number <= number);
            ring.events.range(start..).take(count).cloned().collect::<Vec<_>>()
        };
        let mut events = [of(&self.often), of(&self.seldom)].concat();
        events.sort_unstable_by_key(|event| event.number);
        events.truncate(count);
        events
    }
}
