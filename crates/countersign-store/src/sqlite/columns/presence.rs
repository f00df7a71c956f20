//! A presence: three columns, whose names say of which event.

use countersign_core::session::Presence;

use super::{Columns, Parameters, Seconds};

/// Reads the time, the address and the device.
pub(crate) fn read(columns: &mut Columns<'_>) -> rusqlite::Result<Presence> {
    Ok(Presence {
        at: columns.take_time()?,
        address: columns.parse_optional(|text: String| text.parse().ok())?,
        device: columns.take()?,
    })
}

/// Binds the time, the address and the device.
pub(crate) fn bind(presence: &Presence, parameters: &mut Parameters<'_, '_>) -> rusqlite::Result<()> {
    parameters.bind(Seconds(presence.at))?;
    parameters.bind(presence.address.map(|address| address.to_string()))?;
    parameters.bind(&presence.device)
}
