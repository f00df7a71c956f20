//! Load on a server: many connections that each ask again as soon as they were answered.
//!
//! A [`Conversation`] is what one connection says, over and over; [`Load`] is
//! how many of them talk and how long. Latencies are of whole requests as a
//! client sees them, on connections that stay open. The loop is closed: a slow
//! answer delays the next question, so percentiles tell what this many clients
//! feel, and not what a fixed rate of arrivals would.

mod connection;
mod measured;
mod repeating;
pub mod tutorial;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

pub use connection::{Connection, Reply};
pub use measured::Measured;
use measured::Notes;
pub use repeating::Repeating;

/// What one connection says, over and over.
pub trait Conversation: Send {
    /// Writes the next request, whole, at the end of `request`.
    fn ask(&mut self, request: &mut Vec<u8>);
    /// Takes the answer. `false`: it is not what was hoped for, which counts as an error.
    fn hear(&mut self, reply: &Reply<'_>) -> bool;
}

/// How much load, on whom.
pub struct Load {
    /// The server.
    pub server: SocketAddr,
    /// What each connection says.
    pub conversations: Vec<Box<dyn Conversation>>,
    /// How long the server is driven before anything counts.
    pub warm_up: Duration,
    /// How long what happens counts.
    pub time: Duration,
}

/// How often the progress is told.
const TICK: Duration = Duration::from_millis(200);

impl Load {
    /// Drives the server; `progress` hears how much of the time has passed and how many requests were answered.
    ///
    /// # Errors
    ///
    /// When a connection cannot be opened at the start. Later failures are counted and the connection is
    /// opened again.
    pub async fn run(self, mut progress: impl FnMut(f64, u64)) -> std::io::Result<Measured> {
        let begin = Instant::now() + self.warm_up;
        let end = begin + self.time;
        let answered = Arc::new(AtomicU64::new(0));
        let mut talking = JoinSet::new();
        for conversation in self.conversations {
            let connection = Connection::open(self.server).await?;
            let talk = Talk { conversation, connection, begin, end, answered: answered.clone() };
            talking.spawn(talk.run());
        }
        let connections = talking.len();
        let mut notes = Notes::default();
        let mut tick = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                noted = talking.join_next() => match noted {
                    Some(noted) => notes.add(&noted?),
                    None => break,
                },
                _ = tick.tick() => {
                    let left = end.saturating_duration_since(Instant::now());
                    let whole = self.warm_up + self.time;
                    progress(1.0 - left.as_secs_f64() / whole.as_secs_f64(), answered.load(Ordering::Relaxed));
                }
            }
        }
        Ok(notes.sum_up(connections, self.time))
    }
}

/// One connection at work.
struct Talk {
    conversation: Box<dyn Conversation>,
    connection: Connection,
    begin: Instant,
    end: Instant,
    answered: Arc<AtomicU64>,
}

impl Talk {
    async fn run(mut self) -> Notes {
        let mut notes = Notes::default();
        let mut request = Vec::new();
        loop {
            let asked = Instant::now();
            if asked >= self.end {
                return notes;
            }
            request.clear();
            self.conversation.ask(&mut request);
            let heard = match self.connection.exchange(&request).await {
                Ok(reply) => self.conversation.hear(&reply),
                Err(_) => false,
            };
            let answered = Instant::now();
            // Whatever is answered in the time counts, or slow servers would lose what crosses its beginning.
            if (self.begin..=self.end).contains(&answered) {
                notes.note(answered - asked, heard);
                self.answered.fetch_add(1, Ordering::Relaxed);
            }
            if !heard && self.connection.is_broken() && !self.reconnect().await {
                return notes;
            }
        }
    }

    /// `false`: the time is over.
    async fn reconnect(&mut self) -> bool {
        let server = self.connection.server();
        while Instant::now() < self.end {
            tokio::time::sleep(Duration::from_millis(10)).await;
            if let Ok(connection) = Connection::open(server).await {
                self.connection = connection;
                return true;
            }
        }
        false
    }
}
