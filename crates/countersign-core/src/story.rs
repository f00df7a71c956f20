//! The history of a session in sentences, for `session explain` and the API.
//!
//! Everything comes from the session's row: where it was opened, where it was
//! refreshed last, who revoked it, and with which generation.

use crate::Timestamp;
use crate::session::{Presence, RevokedReason, SessionState, SessionWithUser};

/// The history of a session, one sentence for each item. `time` formats the times.
pub fn tell(
    SessionWithUser { session, user }: &SessionWithUser,
    now: Timestamp,
    time: impl Fn(Timestamp) -> String,
) -> Vec<String> {
    let who = user.as_ref().map_or_else(
        || format!("the deleted user {}", session.grant.user),
        |user| format!("{} ({})", user.username, user.id),
    );
    let client = &session.grant.client;
    let mut story = vec![format!(
        "{}: {who} signed in with client {client}, {}.",
        time(session.opened.at),
        place(&session.opened)
    )];
    story.push(tell_generation(session, &time));
    match &session.state {
        SessionState::Revoked(revoked) => {
            story.push(format!("{}: {}.", time(revoked.by.at), ending(revoked.reason, &place(&revoked.by))));
            if let Some(presented) = revoked.presented {
                story.push(tell_holders(session, presented, &revoked.by, &time));
            }
        }
        SessionState::Active if now >= session.absolute_expires_at => {
            story.push(format!("{}: it reached the end of its life.", time(session.absolute_expires_at)));
        }
        SessionState::Active if now >= session.idle_expires_at => {
            story.push(format!(
                "{}: it expired, because nobody had refreshed it.",
                time(session.idle_expires_at)
            ));
        }
        SessionState::Active => {
            let end = session.idle_expires_at.min(session.absolute_expires_at);
            story.push(format!("It is live, and ends on {} unless it is refreshed before.", time(end)));
        }
    }
    story
}

fn tell_generation(session: &crate::session::Session, time: &impl Fn(Timestamp) -> String) -> String {
    let ratchet = &session.ratchet;
    let Some(previous) = ratchet.previous else {
        let is_over = session.state != SessionState::Active;
        return if is_over { "It was never refreshed." } else { "It has not been refreshed yet." }.to_owned();
    };
    let recovered = match ratchet.recoveries {
        0 => String::new(),
        times => format!(" The answer had been lost {times} times in a row."),
    };
    format!(
        "{}: generation {} was exchanged for generation {}, {}.{recovered}",
        time(session.refreshed.at),
        previous.generation,
        ratchet.generation,
        place(&session.refreshed),
    )
}

fn tell_holders(
    session: &crate::session::Session,
    presented: u32,
    by: &Presence,
    time: &impl Fn(Timestamp) -> String,
) -> String {
    format!(
        "Two holders: one took generation {} at {}, {}; the other presented generation {presented} at {}, {}.",
        session.ratchet.generation,
        time(session.refreshed.at),
        place(&session.refreshed),
        time(by.at),
        place(by),
    )
}

fn place(presence: &Presence) -> String {
    match presence.address {
        Some(address) => format!("from {address} with {}", presence.device),
        None => format!("with {}", presence.device),
    }
}

fn ending(reason: RevokedReason, place: &str) -> String {
    match reason {
        RevokedReason::SignedOut => format!("its holder signed out, {place}"),
        RevokedReason::EndedByUser => format!("its user ended it from another session, {place}"),
        RevokedReason::EndedByAdmin => format!("an administrator ended it, {place}"),
        RevokedReason::PasswordChanged => format!("it ended because the password was changed, {place}"),
        RevokedReason::UserDisabled => format!("it ended because the user was disabled, {place}"),
        RevokedReason::UserDeleted => format!("it ended because the user was deleted, {place}"),
        RevokedReason::Reuse => {
            format!("a spent refresh token was presented, {place}; the session was revoked")
        }
        RevokedReason::RowTampered => {
            format!(
                "a refresh token did not match what the database says of it, {place}; the session was revoked"
            )
        }
        RevokedReason::AheadOfStore => {
            format!("a refresh token was further ahead than the database, {place}; the session was revoked")
        }
    }
}
