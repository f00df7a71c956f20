//! `oidc-provider` for Node, in production mode, with its built-in in-memory store, which loses all data on a
//! restart.

use anyhow::Result;

use super::node::Program;
use super::{Dialect, Opening, Peer, Reuse, secret};
use crate::server::Cpu;

const CLIENT_ID: &str = "bench";

/// Starts the server on one processor.
pub(super) fn start(cpu: Cpu) -> Result<Peer> {
    let client_secret = secret()?;
    let environment =
        [("CLIENT_ID", CLIENT_ID), ("CLIENT_SECRET", client_secret.as_str()), ("NODE_ENV", "production")];
    let program =
        Program { directory: "bench/peers/oidc-provider", file: "server.mjs", environment: &environment };
    program.install()?;
    let (base, server) = program.start(cpu)?;
    let client_id = CLIENT_ID.to_owned();
    Ok(Peer {
        name: "oidc-provider",
        base,
        dialect: Dialect::OAuth { path: "/token".to_owned(), client_id, client_secret },
        opening: Opening::Seed,
        reuse: Reuse::Refused,
        servers: vec![server],
    })
}
