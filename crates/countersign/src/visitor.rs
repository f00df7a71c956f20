//! Who asks, before they have proved anything.

use countersign_core::session::Presence;

/// Somebody at the door: who asks, as far as is known before they prove anything.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// When, from where, with what.
    pub presence: Presence,
    /// The text of the device token that came along, if any.
    pub device_token: Option<String>,
}
