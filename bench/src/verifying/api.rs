//! APIs that accept the issuer's tokens: the unchanged examples of this repository.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use countersign_core::Secret;
use countersign_load::{Connection, tutorial};

use crate::compare::SERVERS;
use crate::fleet;
use crate::ours::{self, Ours};
use crate::peers::Program;
use crate::server::{self, Ending, Server, guarded};
use crate::{http, process};

/// The timeout of a start.
const START: Duration = Duration::from_secs(30);

/// A running API. It is stopped on drop.
pub(super) struct Api {
    pub(super) name: &'static str,
    pub(super) base: SocketAddr,
    server: Server,
}

/// One client of an API, with a token.
pub(super) struct Caller {
    connection: Connection,
    request: Vec<u8>,
}

impl Api {
    /// Starts `examples/axum`. `refresh_every` is the maximum age of its cached keys; `None` uses the
    /// example's default.
    pub(super) fn axum(issuer: &Ours, refresh_every: Option<Duration>) -> Result<Self> {
        let base = server::free_address()?;
        let mut command = guarded(SERVERS, Ending::Kill);
        command
            .arg(ours::program("countersign-example-api")?)
            .env("ISSUER", issuer.name())
            .env("AUDIENCE", fleet::ISSUER)
            .env("PORT", base.port().to_string());
        if let Some(seconds) = refresh_every {
            command.env("REFRESH_EVERY", seconds.as_secs().to_string());
        }
        let mut server = Server::start("the example API", server::home()?, command)?;
        server.wait_until(START, || http::get(base, "/livez").is_ok_and(|reply| reply.status == 200))?;
        Ok(Self { name: "axum", base, server })
    }

    /// Starts `examples/express-countersign` with the current package of this repository.
    pub(super) fn express(issuer: &Ours) -> Result<Self> {
        let install = ["examples/install.mjs", "express-countersign"];
        process::run(Command::new("node").args(install).current_dir(process::at(".")))?;
        let name = issuer.name();
        let environment = [("ISSUER", name.as_str()), ("AUDIENCE", fleet::ISSUER)];
        let directory = "examples/express-countersign";
        let (base, server) =
            Program { directory, file: "server.mjs", environment: &environment }.start(SERVERS)?;
        Ok(Self { name: "Express", base, server })
    }

    pub(super) fn pid(&self) -> u32 {
        self.server.pid()
    }
}

impl Caller {
    /// Connects, and checks that the API accepts the token.
    pub(super) async fn accepted(api: SocketAddr, token: &Secret<String>) -> Result<Self> {
        let mut caller = Self::connect(api, token).await?;
        let status = caller.ask().await?;
        ensure!(status == 200, "the API responded to a valid token with {status}");
        Ok(caller)
    }

    /// Connects to the API, without a request.
    pub(super) async fn connect(api: SocketAddr, token: &Secret<String>) -> Result<Self> {
        Ok(Self { connection: Connection::open(api).await?, request: tutorial::verify_request(token) })
    }

    /// Replaces the token for later requests.
    pub(super) fn take(&mut self, token: &Secret<String>) {
        self.request = tutorial::verify_request(token);
    }

    /// Sends a request, and returns the status of the response.
    pub(super) async fn ask(&mut self) -> Result<u16> {
        Ok(self.connection.exchange(&self.request).await?.status)
    }
}
