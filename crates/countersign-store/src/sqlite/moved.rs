//! What a rotation changes of a session: the type, and its packed form.
//!
//! A packed move takes about a hundred bytes. The log, the memory of unfolded moves and the table
//! `session_moves` all have moves in this form.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use countersign_core::ratchet::{Generation, SecretHash};
use countersign_core::session::{Presence, Ratchet, Session, Spent};
use countersign_core::{SessionId, Timestamp};
use serde::{Deserialize, Serialize};

/// The part of a session that a rotation changes.
#[derive(Debug)]
pub(crate) struct Moved {
    pub(crate) ratchet: Ratchet,
    pub(crate) refreshed: Presence,
    pub(crate) idle_expires_at: Timestamp,
}

/// A packed [`Moved`]. Clones share the same bytes.
#[derive(Debug, Clone)]
pub(crate) struct Packed {
    generation: Generation,
    bytes: Arc<[u8]>,
}

/// The newest move of each session that has one, in the order of the rows.
pub(crate) type PackedMoves = BTreeMap<SessionId, Packed>;

/// A packed move that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("a packed move is damaged")]
pub(crate) struct Damaged(#[from] postcard::Error);

impl Moved {
    pub(crate) fn of(session: &Session) -> Self {
        Self {
            ratchet: session.ratchet.clone(),
            refreshed: session.refreshed.clone(),
            idle_expires_at: session.idle_expires_at,
        }
    }
}

impl Packed {
    /// Packs what rotations have changed of this session.
    pub(crate) fn of(session: &Session) -> Self {
        let Ratchet { generation, current, next, previous, burst, recoveries } = &session.ratchet;
        let seconds = |spent: &Spent| (spent.generation, spent.at.seconds());
        let fields = Fields {
            generation: *generation,
            current: *current.as_bytes(),
            next: *next.as_bytes(),
            previous: previous.as_ref().map(seconds),
            burst: burst.as_ref().map(seconds),
            recoveries: *recoveries,
            refreshed_at: session.refreshed.at.seconds(),
            refreshed_address: session.refreshed.address,
            refreshed_device: &session.refreshed.device,
            idle_expires_at: session.idle_expires_at.seconds(),
        };
        let bytes = postcard::to_extend(&fields, Vec::with_capacity(160));
        Self { generation: *generation, bytes: bytes.expect("a vector can grow").into() }
    }

    pub(crate) const fn generation(&self) -> Generation {
        self.generation
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A move from its packed form in the database.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Damaged> {
        let (generation, _) = postcard::take_from_bytes(bytes)?;
        Ok(Self { generation, bytes: bytes.into() })
    }

    pub(crate) fn unpack(&self) -> Result<Moved, Damaged> {
        let fields: Fields<'_> = postcard::from_bytes(&self.bytes)?;
        let spent = |(generation, at)| Spent { generation, at: Timestamp::from_seconds(at) };
        Ok(Moved {
            ratchet: Ratchet {
                generation: fields.generation,
                current: SecretHash::from_bytes(fields.current),
                next: SecretHash::from_bytes(fields.next),
                previous: fields.previous.map(spent),
                burst: fields.burst.map(spent),
                recoveries: fields.recoveries,
            },
            refreshed: Presence {
                at: Timestamp::from_seconds(fields.refreshed_at),
                address: fields.refreshed_address,
                device: fields.refreshed_device.to_owned(),
            },
            idle_expires_at: Timestamp::from_seconds(fields.idle_expires_at),
        })
    }

    /// Brings a session up to date, unless it is as new or newer.
    pub(crate) fn bring_up_to_date(&self, session: &mut Session) -> Result<(), Damaged> {
        if self.generation > session.ratchet.generation {
            let Moved { ratchet, refreshed, idle_expires_at } = self.unpack()?;
            session.ratchet = ratchet;
            session.refreshed = refreshed;
            session.idle_expires_at = idle_expires_at;
        }
        Ok(())
    }
}

/// Appends a session's move to the value of a log entry.
pub(crate) fn append(entry: Vec<u8>, session: SessionId, moved: &Packed) -> Vec<u8> {
    postcard::to_extend(&(*session.as_bytes(), &*moved.bytes), entry).expect("a vector can grow")
}

/// Reads the value of a log entry.
pub(crate) fn read_entry(mut entry: &[u8]) -> Result<Vec<(SessionId, Packed)>, Damaged> {
    let mut moves = Vec::new();
    while !entry.is_empty() {
        let ((session, bytes), rest): (([u8; 16], &[u8]), _) = postcard::take_from_bytes(entry)?;
        moves.push((SessionId::from_bytes(session), Packed::from_bytes(bytes)?));
        entry = rest;
    }
    Ok(moves)
}

/// The packed form. The order of the fields is part of the format, and `generation` is the first of them.
#[derive(Serialize, Deserialize)]
struct Fields<'a> {
    generation: u32,
    current: [u8; 32],
    next: [u8; 32],
    previous: Option<(u32, u64)>,
    burst: Option<(u32, u64)>,
    recoveries: u8,
    refreshed_at: u64,
    refreshed_address: Option<IpAddr>,
    refreshed_device: &'a str,
    idle_expires_at: u64,
}
