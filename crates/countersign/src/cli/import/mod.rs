//! `user import`: imports the accounts of another system.
//!
//! The command reads and checks the whole file before it writes anything. `formats`
//! splits a file into records, and `record` validates a record. Errors name their record.

mod formats;
mod record;

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use countersign_core::password::Work;
use countersign_core::store::{Added, ImportMode};
use countersign_core::user::{Role, User};
use serde_json::json;

use self::formats::Record;
use super::context::Context;
use super::output;
use crate::flows::accounts::Directory;

/// Users per write with `--skip-existing`. A running server can process refreshes between two writes.
const BATCH: usize = 500;

/// Maximum number of error lines that are printed.
const SHOWN: usize = 20;

/// Imports a file: JSON Lines, a JSON array, or CSV whose first line names the columns.
///
/// Each account has the fields `username` (or else `email` is used), `id`, `email`, `email_verified`,
/// `disabled`, `created_at`, `role`, `claims` and `password_hash`. All fields but the first are optional.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// The file, or `-` for standard input.
    file: PathBuf,
    /// Shows what would happen to each account and changes nothing.
    #[arg(long)]
    dry_run: bool,
    /// Skips accounts whose name, id or verified e-mail address is taken, so that an import can be repeated.
    /// Without this option, no account is added if one cannot be added.
    #[arg(long)]
    skip_existing: bool,
    /// Accepts `role: admin`, which creates administrators of this server. Put roles of your application into
    /// `claims`.
    #[arg(long)]
    allow_admins: bool,
}

/// The valid users and the errors of a file.
struct Checked {
    users: Vec<CheckedUser>,
    errors: Vec<RecordError>,
}

/// A user, and the record that describes the user.
struct CheckedUser {
    place: String,
    user: User,
}

/// An error, and the record that it is in.
struct RecordError {
    place: String,
    text: String,
}

impl Import {
    pub(super) async fn run(self, context: &Context, directory: &Directory<'_>) -> anyhow::Result<()> {
        let (name, text) = read(&self.file)?;
        let checked = self.check(directory, formats::records(&text)).await;
        if self.dry_run {
            return dry_run(context, directory, &name, checked).await;
        }
        if !checked.errors.is_empty() {
            show(&name, &checked.errors);
            bail!("nothing was imported: {} records have errors", checked.errors.len());
        }
        if checked.users.is_empty() {
            bail!("{name} has no accounts");
        }
        let greatest = greatest_work(&checked.users);
        let (places, users) = separated(checked.users);
        let added = self.write(directory, &users).await?;
        let failed: Vec<_> = places
            .into_iter()
            .zip(&added)
            .filter_map(|(place, added)| {
                Some(RecordError { place, text: reason_not_added(*added)?.to_owned() })
            })
            .collect();
        show(&name, &failed);
        if !self.skip_existing && !failed.is_empty() {
            bail!(
                "nothing was imported: {} accounts cannot be added; --skip-existing adds the others",
                failed.len()
            );
        }
        let count = added.len() - failed.len();
        tracing::info!(added = count, skipped = failed.len(), "accounts were imported");
        if context.wants_json() {
            output::json(&json!({"added": count, "skipped": failed.len()}));
        } else if self.skip_existing {
            output::line(format!("{count} accounts were added, {} were skipped.", failed.len()));
        } else {
            output::line(format!("{count} accounts were added."));
        }
        if count > 0 && greatest != Work::default() {
            output::remark(
                "Every sign-in now also does the work of the most expensive imported hash, so that its time does \
                 not show which accounts exist. This ends when the last imported user has signed in or has a \
                 new password.",
            );
        }
        Ok(())
    }

    async fn check(&self, directory: &Directory<'_>, records: Vec<Record>) -> Checked {
        let mut checked = Checked { users: Vec::new(), errors: Vec::new() };
        // A repeated name is found before the store is used, so that the error can name both places.
        let mut names: HashMap<String, String> = HashMap::new();
        for Record { place, fields } in records {
            let user = match fields {
                Ok(fields) => record::user(directory, &fields).await.and_then(|user| self.admit(user)),
                Err(error) => Err(error),
            };
            match user {
                Ok(user) => match names.get(user.username.key()) {
                    Some(first) => {
                        let text = format!("`username`: {first} has the same name");
                        checked.errors.push(RecordError { place, text });
                    }
                    None => {
                        names.insert(user.username.key().to_owned(), place.clone());
                        checked.users.push(CheckedUser { place, user });
                    }
                },
                Err(text) => checked.errors.push(RecordError { place, text }),
            }
        }
        checked
    }

    /// Rejects an administrator unless `--allow-admins` is set.
    fn admit(&self, user: User) -> Result<User, String> {
        if user.role == Role::Admin && !self.allow_admins {
            let why = "an `admin` may read and change every account of this server: use --allow-admins if you \
                       want that, and put roles of your application into `claims`";
            return Err(format!("`role`: {why}"));
        }
        Ok(user)
    }

    async fn write(&self, directory: &Directory<'_>, users: &[User]) -> anyhow::Result<Vec<Added>> {
        if !self.skip_existing {
            return Ok(directory.store.import_users(users, ImportMode::AllOrNone).await?);
        }
        let mut added = Vec::with_capacity(users.len());
        for batch in users.chunks(BATCH) {
            added.extend(directory.store.import_users(batch, ImportMode::SkipExisting).await?);
            if added.len() < users.len() {
                output::remark(format!("{} of {} accounts were processed", added.len(), users.len()));
            }
        }
        Ok(added)
    }
}

/// Reads a file or standard input. Returns its name for messages, and its text.
fn read(file: &Path) -> anyhow::Result<(String, String)> {
    let (name, bytes) = if file == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).context("cannot read standard input")?;
        ("standard input".to_owned(), bytes)
    } else {
        let name = file.display().to_string();
        let bytes = std::fs::read(file).with_context(|| format!("cannot read {name}"))?;
        (name, bytes)
    };
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
        anyhow::anyhow!("{name} line {line} is not UTF-8: save the file as UTF-8 and import it again")
    })?;
    Ok((name, text))
}

/// Prints what an import would do with each record.
async fn dry_run(
    context: &Context,
    directory: &Directory<'_>,
    name: &str,
    checked: Checked,
) -> anyhow::Result<()> {
    let (places, users) = separated(checked.users);
    let added = directory.store.import_users(&users, ImportMode::DryRun).await?;
    let outcomes = places.iter().zip(&users).zip(&added).map(|((place, user), added)| {
        let outcome = reason_not_added(*added)
            .map_or("would be added".to_owned(), |reason| format!("cannot be added: {reason}"));
        [place.clone(), user.username.to_string(), outcome]
    });
    let errors = checked
        .errors
        .iter()
        .map(|error| [error.place.clone(), String::new(), format!("error: {}", error.text)]);
    let rows: Vec<_> = outcomes.chain(errors).collect();
    if context.wants_json() {
        let rows = rows.iter().map(
            |[place, username, outcome]| json!({"place": place, "username": username, "outcome": outcome}),
        );
        output::json(&rows.collect());
    } else {
        output::table(&["RECORD", "USERNAME", "OUTCOME"], rows.into_iter().map(Vec::from));
    }
    let would_be_added = added.iter().filter(|added| **added == Added::Added).count();
    output::remark(format!("Nothing was changed. {would_be_added} accounts of {name} would be added."));
    if checked.errors.is_empty() { Ok(()) } else { bail!("{} records have errors", checked.errors.len()) }
}

/// Splits users into their places and the users alone, as the store expects them.
fn separated(users: Vec<CheckedUser>) -> (Vec<String>, Vec<User>) {
    users.into_iter().map(|checked| (checked.place, checked.user)).unzip()
}

/// The work of the most expensive imported hash.
fn greatest_work(users: &[CheckedUser]) -> Work {
    let hashes = users.iter().filter_map(|checked| checked.user.password.as_ref());
    let imported = hashes.filter(|password| !password.hash.is_argon2());
    imported.fold(Work::default(), |greatest, password| greatest.max(password.hash.work()))
}

/// `None`: the account was added.
const fn reason_not_added(added: Added) -> Option<&'static str> {
    match added {
        Added::Added => None,
        Added::NameTaken => Some("this username is taken"),
        Added::IdTaken => Some("this id is taken"),
        Added::EmailTaken => Some("another user has verified this e-mail address"),
        Added::Outdated => Some("another process changed the database in the meantime"),
    }
}

/// Prints the first errors to standard error.
fn show(name: &str, errors: &[RecordError]) {
    for RecordError { place, text } in errors.iter().take(SHOWN) {
        output::remark(format!("{name} {place}: {text}"));
    }
    if errors.len() > SHOWN {
        output::remark(format!("{name}: {} more errors", errors.len() - SHOWN));
    }
}
