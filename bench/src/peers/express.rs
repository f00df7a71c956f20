//! The tutorial's server: Express, jsonwebtoken, two secrets and no store. What Countersign replaces.

use anyhow::Result;

use super::node::Program;
use super::{Dialect, Opening, Peer, Reuse, secret};
use crate::server::Cpu;

/// How it is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// As tutorials have it: secrets are strings, `NODE_ENV` is not set.
    AsWritten,
    /// As fast as its code allows: key objects made once, `NODE_ENV=production`.
    Tuned,
}

/// Starts it.
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
