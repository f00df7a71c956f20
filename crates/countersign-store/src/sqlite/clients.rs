//! Registered clients, in the order of the port.

use countersign_core::ClientId;
use countersign_core::client::{Client, ClientAuthentication, ClientChange};
use countersign_core::session::{Revoked, Whose};
use countersign_core::store::{Added, ClientChanged, ClientRemoved, Page, Standing};
use rusqlite::ffi::SQLITE_CONSTRAINT_TRIGGER;
use rusqlite::{Connection, params};

use super::columns::{Parameters, client};
use super::{ending, lookup};

pub(super) fn add(connection: &Connection, given: &[Standing], client: &Client) -> rusqlite::Result<Added> {
    if !lookup::all_hold(connection, given)? {
        return Ok(Added::Outdated);
    }
    let (names, parameters) = (client::NAMES.list(), client::NAMES.parameters());
    let mut insert = connection.prepare_cached(&format!(
        "INSERT INTO clients ({names}) VALUES ({parameters}) ON CONFLICT DO NOTHING"
    ))?;
    let mut parameters = Parameters::of(&mut insert);
    client::bind(client, &mut parameters)?;
    match parameters.execute() {
        Ok(1) => Ok(Added::Added),
        Ok(_) => Ok(Added::IdTaken),
        Err(error) if is_user_id(&error) => Ok(Added::IdTaken),
        Err(error) => Err(error),
    }
}

/// Whether the trigger that compares the id with those of users refused the row.
fn is_user_id(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| error.extended_code == SQLITE_CONSTRAINT_TRIGGER)
}

pub(super) fn page(connection: &Connection, page: &Page<ClientId>) -> rusqlite::Result<Vec<Client>> {
    let after = page.after.as_ref().map_or("", ClientId::as_str);
    let names = client::NAMES.list();
    connection
        .prepare_cached(&format!("SELECT {names} FROM clients WHERE id > ?1 ORDER BY id LIMIT ?2"))?
        .query_map(params![after, page.limit], client::read)?
        .collect()
}

pub(super) fn change(
    connection: &Connection,
    id: &ClientId,
    given: &[Standing],
    changes: &[ClientChange],
) -> rusqlite::Result<ClientChanged> {
    if !lookup::all_hold(connection, given)? {
        return Ok(ClientChanged::Outdated);
    }
    let Some(client) = lookup::client(connection, id)? else { return Ok(ClientChanged::NoSuchClient) };
    let client = match client.with(changes) {
        Ok(client) => client,
        Err(error) => return Ok(ClientChanged::Invalid(error)),
    };
    let assignments = client::SETTINGS_NAMES.assignments();
    let mut update = connection.prepare_cached(&format!("UPDATE clients SET {assignments} WHERE id = ?"))?;
    let mut parameters = Parameters::of(&mut update);
    client::bind_settings(&client.settings, &mut parameters)?;
    parameters.bind(id.as_str())?;
    parameters.execute()?;
    Ok(ClientChanged::Done(Box::new(client)))
}

pub(super) fn replace_authentication(
    connection: &Connection,
    id: &ClientId,
    given: &[Standing],
    old: &ClientAuthentication,
    new: &ClientAuthentication,
) -> rusqlite::Result<bool> {
    if !lookup::all_hold(connection, given)? {
        return Ok(false);
    }
    let assignments = client::AUTHENTICATION_NAMES.assignments();
    let mut update = connection.prepare_cached(&format!(
        "UPDATE clients SET {assignments} WHERE id = ? AND authentication = ? AND secret_hash IS ?"
    ))?;
    let mut parameters = Parameters::of(&mut update);
    client::bind_authentication(new, &mut parameters)?;
    parameters.bind(id.as_str())?;
    client::bind_authentication(old, &mut parameters)?;
    Ok(parameters.execute()? == 1)
}

pub(super) fn remove(
    connection: &Connection,
    id: &ClientId,
    given: &[Standing],
    how: &Revoked,
) -> rusqlite::Result<ClientRemoved> {
    if !lookup::all_hold(connection, given)? {
        return Ok(ClientRemoved::Outdated);
    }
    let removed = connection.prepare_cached("DELETE FROM clients WHERE id = ?1")?.execute([id.as_str()])?;
    if removed == 0 {
        return Ok(ClientRemoved::NoSuchClient);
    }
    ending::revoke_all(connection, &Whose::Client(id.clone()), None, how)?;
    Ok(ClientRemoved::Removed)
}
