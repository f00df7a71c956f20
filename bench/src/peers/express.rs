//! The tutorial's server, which Countersign replaces: Express, jsonwebtoken, two secrets and no store.

use anyhow::Result;

use super::node::Program;
use super::{Dialect, Opening, Peer, Reuse, secret};
use crate::server::Cpu;

/// The two configurations of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// As in the tutorial: the secrets are strings, and `NODE_ENV` is not set.
    AsWritten,
    /// The fastest configuration: key objects are created once, and `NODE_ENV=production`.
    Tuned,
}

/// Starts the server on one processor.
pub(super) fn start(form: Form, cpu: Cpu) -> Result<Peer> {
    let (access, refresh) = (secret()?, secret()?);
    let mut environment = vec![("ACCESS_TOKEN_SECRET", access.as_str()), ("REFRESH_TOKEN_SECRET", &refresh)];
    let name = match form {
        Form::AsWritten => {
            environment.push(("KEY_FORM", "string"));
            "Express, as written"
        }
        Form::Tuned => {
            environment.extend([("KEY_FORM", "object"), ("NODE_ENV", "production")]);
            "Express, tuned"
        }
    };
    let program = Program { directory: "bench/peers/express", file: "server.js", environment: &environment };
    program.install()?;
    let (base, server) = program.start(cpu)?;
    Ok(Peer {
        name,
        base,
        dialect: Dialect::Tutorial,
        opening: Opening::GetTokens,
        reuse: Reuse::Accepted,
        servers: vec![server],
    })
}
