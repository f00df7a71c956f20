//! Keycloak in production mode with PostgreSQL, both on the same processor.
//!
//! The realm rotates refresh tokens without permitting reuse, and signs with ES256 like Countersign. Other
//! settings have their defaults. The cache is local, because clustering would only slow down a single server.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::{Dialect, Opening, Peer, Reuse, keycloak_distribution, postgres, secret};
use crate::http::{self, Post};
use crate::server::{self, Cpu, Ending, Server};

const ADMINISTRATOR: &str = "admin";
const REALM: &str = "bench";
const CLIENT_ID: &str = "bench";
/// The number of users, among which the sessions are distributed.
const USERS: usize = 8;
/// The timeout of a start. Keycloak creates its tables first, which takes most of the time.
const START: Duration = Duration::from_secs(300);

/// Starts both servers and creates the realm.
pub(super) fn start(cpu: Cpu) -> Result<Peer> {
    let program = keycloak_distribution::prepare()?;
    let (database, postgres) = postgres::start(cpu)?;
    let base = server::free_address()?;
    let administrator_password = secret()?;
    let mut command = server::guarded(cpu, Ending::Kill);
    command
        .arg(program.join("bin/kc.sh"))
        .args(["start", "--optimized", "--cache=local", "--http-enabled=true", "--hostname-strict=false"])
        .args(["--http-host=127.0.0.1", &format!("--http-port={}", base.port())])
        .args([&format!("--db-url=jdbc:postgresql://{database}/postgres"), "--db-username", postgres::USER])
        .env("KC_DB_PASSWORD", "not asked for")
        .env("KC_BOOTSTRAP_ADMIN_USERNAME", ADMINISTRATOR)
        .env("KC_BOOTSTRAP_ADMIN_PASSWORD", &administrator_password);
    let mut keycloak = Server::start("Keycloak", server::home()?, command)?;
    keycloak
        .wait_until(START, || http::get(base, "/realms/master").is_ok_and(|reply| reply.status == 200))?;
    let (client_secret, password) = (secret()?, secret()?);
    let administrator = access_token_of_administrator(base, &administrator_password)?;
    make_realm(base, administrator, &realm(&client_secret, &password))?;
    let client_id = CLIENT_ID.to_owned();
    Ok(Peer {
        name: "Keycloak on PostgreSQL",
        base,
        dialect: Dialect::OAuth { path: token_path(REALM), client_id, client_secret },
        opening: Opening::Password { users: USERS, password },
        reuse: Reuse::Refused,
        servers: vec![keycloak, postgres],
    })
}

fn token_path(realm: &str) -> String {
    format!("/realms/{realm}/protocol/openid-connect/token")
}

fn access_token_of_administrator(base: SocketAddr, password: &str) -> Result<String> {
    let fields = [
        ("grant_type", "password"),
        ("client_id", "admin-cli"),
        ("username", ADMINISTRATOR),
        ("password", password),
    ];
    let reply = Post::form(token_path("master"), &fields).send(base)?;
    let token = reply.body["access_token"].as_str();
    token.map(str::to_owned).with_context(|| format!("cannot sign in as Keycloak's administrator: {reply:?}"))
}

fn make_realm(base: SocketAddr, administrator: String, realm: &Value) -> Result<()> {
    let mut create = Post::json("/admin/realms", realm);
    create.bearer = Some(administrator);
    let reply = create.send(base)?;
    ensure!(reply.status == 201, "Keycloak did not create the realm: {reply:?}");
    Ok(())
}

fn realm(client_secret: &str, password: &str) -> Value {
    json!({
        "realm": REALM,
        "enabled": true,
        "defaultSignatureAlgorithm": "ES256",
        "revokeRefreshToken": true,
        "refreshTokenMaxReuse": 0,
        "clients": [{
            "clientId": CLIENT_ID,
            "enabled": true,
            "publicClient": false,
            "secret": client_secret,
            "standardFlowEnabled": false,
            "directAccessGrantsEnabled": true,
        }],
        "users": (0..USERS).map(|number| user(number, password)).collect::<Vec<_>>(),
    })
}

/// A user with all fields that Keycloak requires for a complete account.
fn user(number: usize, password: &str) -> Value {
    let username = format!("user{number}");
    json!({
        "username": username,
        "enabled": true,
        "email": format!("{username}@client.example"),
        "emailVerified": true,
        "firstName": "User",
        "lastName": number.to_string(),
        "credentials": [{ "type": "password", "value": password, "temporary": false }],
    })
}
