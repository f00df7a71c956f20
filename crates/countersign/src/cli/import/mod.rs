//! `user import`: the accounts of another system.
//!
//! Everything is read and checked before anything is written. `formats` makes
//! records of a file, `record` an account of a record; what is written, and
//! whether, is told for each record.

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

/// Users in one write when an import may be repeated: refreshes of a running server go between two.
const BATCH: usize = 500;

/// The most lines of one kind that are shown.
const SHOWN: usize = 20;

/// A file: JSON Lines, a JSON array, or CSV whose first line names the columns.
///
/// Each account has the fields `username` (or else `email` is used), `id`, `email`, `email_verified`, `disabled`,
/// `created_at`, `role`, `claims` and `password_hash`; all but the first may be left out.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// The file, or `-` for standard input.
    file: PathBuf,
    /// Shows what would happen to each account and changes nothing.
    #[arg(long)]
    dry_run: bool,
    /// Skips accounts whose name, id or verified e-mail address is taken, so that an import can be repeated.
    /// Without it, one account that cannot be added means that none is.
    #[arg(long)]
    skip_existing: bool,
    /// Accepts `role: admin`, which makes administrators of this server. Roles of your application belong in `claims`.
    #[arg(long)]
    allow_admins: bool,
}

/// What was read: which record each user comes from, and what is wrong with the others.
struct Checked {
    users: Vec<(String, User)>,
    errors: Vec<(String, String)>,
}

impl Import {
    pub(super) async fn run(self, context: &Context, directory: &Directory<'_>) -> anyhow::Result<()> {
        let (name, text) = read(&self.file)?;
        let checked = self.check(directory, formats::records(&text)).await;
        if self.dry_run {
            return rehearse(context, directory, &name, checked).await;
        }
        if !checked.errors.is_empty() {
            show(&name, &checked.errors);
            bail!("nothing was imported: {} records have errors", checked.errors.len());
        }
        if checked.users.is_empty() {
            bail!("{name} has no accounts");
        }
        let greatest = greatest_work(&checked.users);
        let (places, users): (Vec<_>, Vec<_>) = checked.users.into_iter().unzip();
        let added = self.write(directory, &users).await?;
        let failed: Vec<_> = places
            .into_iter()
            .zip(&added)
            .filter_map(|(place, added)| Some((place, told(*added)?.to_owned())))
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
                "Every sign-in now does the work of the most expensive imported hash too, so that its time does not \
                 tell who has an account. This ends when the last imported user has signed in or has a new password.",
            );
        }
        Ok(())
    }

    async fn check(&self, directory: &Directory<'_>, records: Vec<Record>) -> Checked {
        let mut checked = Checked { users: Vec::new(), errors: Vec::new() };
        // A name that comes twice is found before the store is asked, with both places.
        let mut names: HashMap<String, String> = HashMap::new();
        for Record { place, fields } in records {
            let user = match fields {
                Ok(fields) => record::user(directory, &fields).await.and_then(|user| self.admit(user)),
                Err(error) => Err(error),
            };
            match user {
                Ok(user) => match names.get(user.username.key()) {
                    Some(first) => {
                        checked.errors.push((place, format!("`username`: {first} has the same name")));
                    }
                    None => {
                        names.insert(user.username.key().to_owned(), place.clone());
                        checked.users.push((place, user));
                    }
                },
                Err(error) => checked.errors.push((place, error)),
            }
        }
        checked
    }

    /// An administrator of the other system is not one of this server unless the operator says so.
    fn admit(&self, user: User) -> Result<User, String> {
        if user.role == Role::Admin && !self.allow_admins {
            let why = "an `admin` may read and change every account of this server; import with --allow-admins if you \
                       mean that, and put roles of your application into `claims`";
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
                output::remark(format!("{} of {} accounts were handled", added.len(), users.len()));
            }
        }
        Ok(added)
    }
}

/// The name and the text of a file.
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

/// Shows what would happen to each record.
async fn rehearse(
    context: &Context,
    directory: &Directory<'_>,
    name: &str,
    checked: Checked,
) -> anyhow::Result<()> {
    let (places, users): (Vec<_>, Vec<_>) = checked.users.into_iter().unzip();
    let added = directory.store.import_users(&users, ImportMode::DryRun).await?;
    let outcomes = places.iter().zip(&users).zip(&added).map(|((place, user), added)| {
        let outcome =
            told(*added).map_or("would be added".to_owned(), |reason| format!("cannot be added: {reason}"));
        [place.clone(), user.username.to_string(), outcome]
    });
    let errors =
        checked.errors.iter().map(|(place, error)| [place.clone(), String::new(), format!("error: {error}")]);
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

fn greatest_work(users: &[(String, User)]) -> Work {
    let hashes = users.iter().filter_map(|(_, user)| user.password.as_ref());
    let imported = hashes.filter(|password| !password.hash.is_argon2());
    imported.fold(Work::default(), |greatest, password| greatest.max(password.hash.work()))
}

/// Why an account was not added.
const fn told(added: Added) -> Option<&'static str> {
    match added {
        Added::Added => None,
        Added::NameTaken => Some("this username is taken"),
        Added::IdTaken => Some("this id is taken"),
        Added::EmailTaken => Some("another user has verified this e-mail address"),
        Added::Outdated => Some("the store was changed meanwhile"),
    }
}

fn show(name: &str, lines: &[(String, String)]) {
    for (place, text) in lines.iter().take(SHOWN) {
        output::remark(format!("{name} {place}: {text}"));
    }
    if lines.len() > SHOWN {
        output::remark(format!("{name}: {} more", lines.len() - SHOWN));
    }
}
