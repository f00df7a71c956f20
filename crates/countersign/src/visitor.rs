//! The client of a request before authentication.

use countersign_core::session::Presence;

/// A client that has not authenticated yet.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The time of the request, and the address and device of the client.
    pub presence: Presence,
    /// The text of the device token in the request, if there is one.
    pub device_token: Option<String>,
}
