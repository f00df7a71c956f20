//! Issuers on the network: discovers their keys and revocation list, keeps both up to date, and tolerates
//! outages.
//!
//! Two tasks run for each issuer and end with its last clone. One fetches the key set. The other follows the
//! revocation list: it reads the stream, and polls the list while the stream is silent. Verification does not
//! wait for these tasks, except for a key fetch that is under way.

mod backoff;
mod discovery;
mod error;
mod event_stream;
mod follower;
mod http_client;
mod key_fetching;
mod polling;
mod source;
mod stream;
mod stream_health;

pub use discovery::Discovery;
pub use error::{FollowError, IssuerError, Trouble};
