//! `config`: the effective configuration and the origin of each value.

use clap::Subcommand;
use serde_json::{Map, Value, json};

use super::context::Context;
use super::output;
use crate::config::{self, Loaded};

#[derive(Debug, Subcommand)]
pub(super) enum Configuration {
    /// Checks whether the configuration is valid.
    Check,
    /// Prints the effective configuration and the origin of each value. Secrets are redacted.
    Dump,
    /// Prints the JSON Schema of the configuration.
    Schema,
    /// Prints every key with its variable, default and description, in Markdown.
    Reference,
}

impl Configuration {
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<()> {
        match self {
            Self::Check => {
                let loaded = context.load(Vec::new())?;
                let config = &loaded.config;
                config.check()?;
                config.server_keys()?;
                anyhow::ensure!(
                    config.issuer.is_some(),
                    "`issuer` is missing: set it to the https URL of this server, \
                     such as `https://id.example.com`"
                );
                countersign_store::schema_status(&config.store_url()?).await?;
                for name in &loaded.ignored {
                    output::line(format!("warning: {name} is not a setting and is ignored"));
                }
                for warning in config.warnings()? {
                    output::line(format!("warning: {warning}"));
                }
                for file in loaded.exposed_files() {
                    output::line(format!(
                        "warning: other users can read {0}: run `chmod 600 {0}`",
                        file.display()
                    ));
                }
                output::line("The configuration is valid.");
                Ok(())
            }
            Self::Dump => dump(context, &context.load(Vec::new())?),
            Self::Schema => {
                output::json(&config::json_schema());
                Ok(())
            }
            Self::Reference => {
                output::line(config::reference().trim_end());
                Ok(())
            }
        }
    }
}

fn dump(context: &Context, loaded: &Loaded) -> anyhow::Result<()> {
    let mut values = Map::new();
    flatten("", &serde_json::to_value(&loaded.config)?, &mut values);
    for key in ["issuer", "forward_auth.sign_in"] {
        // These URLs must not have a password. If one has, it must not be printed.
        if let Some(Value::String(text)) = values.get_mut(key)
            && text.contains(['@', '?', '#', ';', ' '])
        {
            *text = countersign_store::without_credentials(text);
        }
    }
    let origin = |key: &str| loaded.origins.get(key).map_or("default", String::as_str);
    if context.wants_json() {
        let all =
            values.iter().map(|(key, value)| (key.clone(), json!({"value": value, "origin": origin(key)})));
        output::json(&Value::Object(all.collect()));
        return Ok(());
    }
    let rows = values.iter().map(|(key, value)| vec![key.clone(), value.to_string(), origin(key).to_owned()]);
    output::table(&["KEY", "VALUE", "ORIGIN"], rows);
    Ok(())
}

fn flatten(prefix: &str, value: &Value, into: &mut Map<String, Value>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                flatten(&key, value, into);
            }
        }
        value => drop(into.insert(prefix.to_owned(), value.clone())),
    }
}
