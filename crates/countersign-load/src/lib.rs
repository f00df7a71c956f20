//! A load generator: many connections, each of which sends its next request as soon as it has a response.
//!
//! A [`Conversation`] makes the requests of one connection. [`Load`] sets the number of connections and the
//! time. A latency is the time of a whole request as the client sees it, on a connection that stays open.
//!
//! The loop is closed: a slow response delays the next request. The percentiles therefore describe this number
//! of clients, and not a fixed rate of arrivals.

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

pub use connection::{Connection, Response};
pub use measured::Measured;
use measured::{Notes, Outcome};
pub use repeating::Repeating;

/// The requests of one connection.
pub trait Conversation: Send {
    /// Appends the next request to `request`: the head and the body. The one before has its response, or failed.
    fn write_request(&mut self, request: &mut Vec<u8>);

    /// Reads a response. `false`: it is not the expected one, and counts as an error.
    fn accept(&mut self, response: &Response<'_>) -> bool;
}

/// The load on one server.
pub struct Load {
    /// The address of the server.
    pub server: SocketAddr,
    /// One for each connection.
    pub conversations: Vec<Box<dyn Conversation>>,
    /// The time of load before the measurement starts.
    pub warm_up: Duration,
    /// The time of the measurement.
    pub time: Duration,
}

/// The interval of the progress reports.
const TICK: Duration = Duration::from_millis(200);

impl Load {
    /// Runs the load. `progress` gets the elapsed share of the time, and the number of responses.
    ///
    /// # Errors
    ///
    /// If a connection cannot be opened at the start. A connection that breaks later counts as an error and is
    /// opened again.
    pub async fn run(self, mut progress: impl FnMut(f64, u64)) -> std::io::Result<Measured> {
        let begin = Instant::now() + self.warm_up;
        let end = begin + self.time;
        let responses = Arc::new(AtomicU64::new(0));
        let mut talking = JoinSet::new();
        for conversation in self.conversations {
            let connection = Connection::open(self.server).await?;
            let talk = Talk { conversation, connection, begin, end, responses: responses.clone() };
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
                    progress(1.0 - left.as_secs_f64() / whole.as_secs_f64(), responses.load(Ordering::Relaxed));
                }
            }
        }
        Ok(notes.sum_up(connections, self.time))
    }
}

/// A conversation on its connection.
struct Talk {
    conversation: Box<dyn Conversation>,
    connection: Connection,
    begin: Instant,
    end: Instant,
    responses: Arc<AtomicU64>,
}

impl Talk {
    async fn run(mut self) -> Notes {
        let mut notes = Notes::default();
        let mut request = Vec::new();
        loop {
            let sent = Instant::now();
            if sent >= self.end {
                return notes;
            }
            request.clear();
            self.conversation.write_request(&mut request);
            let outcome = match self.connection.exchange(&request).await {
                Ok(response) if self.conversation.accept(&response) => Outcome::Expected,
                Ok(response) => Outcome::Unexpected(response.status),
                Err(_) => Outcome::NoResponse,
            };
            let received = Instant::now();
            // A request that was sent before the measurement counts if its response arrives in it. Otherwise
            // slow servers would lose these requests.
            if (self.begin..=self.end).contains(&received) {
                notes.note(received - sent, &outcome);
                self.responses.fetch_add(1, Ordering::Relaxed);
            }
            let is_error = !matches!(outcome, Outcome::Expected);
            if is_error && self.connection.is_broken() && !self.reconnect().await {
                return notes;
            }
        }
    }

    /// Returns `false` if the time is over.
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
