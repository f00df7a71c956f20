//! The client's address and device, from the connection and a few headers.
//!
//! The server uses `X-Forwarded-For` only if a trusted proxy sends it. The client's address
//! is then the rightmost address that is not a trusted proxy: an untrusted client can write
//! everything to the left of it.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use countersign_core::session::Presence;
use ipnet::IpNet;
use quick_cache::sync::Cache;
use woothee::parser::Parser;

use super::Edge;
use crate::visitor::Visitor;

/// The maximum length of a device label taken from an unknown User-Agent, in characters.
const MAX_LABEL: usize = 64;

/// The maximum number of bytes read of a User-Agent. `to_str` accepts ASCII only, so a byte is a character.
const MAX_AGENT: usize = 512;

/// Number of User-Agents whose labels are cached.
const MAX_AGENTS: usize = 1024;

impl FromRequestParts<Arc<Edge>> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, edge: &Arc<Edge>) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
        let presence = Presence {
            at: edge.app.world.now(),
            address: peer.map(|peer| client_address(peer, &parts.headers, &edge.trusted_proxies)),
            device: edge.devices.of(&parts.headers),
        };
        let device_token = edge.cookies.device(&parts.headers).map(str::to_owned);
        Ok(Self { presence, device_token })
    }
}

/// Whether the peer of the connection is a trusted proxy.
pub(super) fn is_from_trusted_proxy(parts: &Parts, trusted: &[IpNet]) -> bool {
    let peer =
        parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip().to_canonical());
    peer.is_some_and(|peer| trusted.iter().any(|network| network.contains(&peer)))
}

fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
    let peer = peer.to_canonical();
    if !is_trusted(peer) {
        return peer;
    }
    let lines = headers.get_all("x-forwarded-for").iter();
    let lines: Vec<_> = lines.map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
    let mut nearest = peer;
    for hop in lines.join(",").rsplit(',') {
        let Some(address) = parse_hop(hop.trim()) else { return nearest };
        nearest = address.to_canonical();
        if !is_trusted(nearest) {
            return nearest;
        }
    }
    nearest
}

/// Parses an address of `X-Forwarded-For`. Some proxies add the port.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    hop.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// A cache of device labels. Few User-Agents are in use, and parsing one takes longer than checking a token's
/// tag.
pub struct DeviceLabels(Cache<String, String>);

impl Default for DeviceLabels {
    fn default() -> Self {
        Self(Cache::new(MAX_AGENTS))
    }
}

impl DeviceLabels {
    /// `Chrome on Windows 10` for browsers, `curl` for tools, `an unnamed client` without a User-Agent.
    fn of(&self, headers: &HeaderMap) -> String {
        let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        let agent: &str = agent.get(..MAX_AGENT).unwrap_or(agent);
        if let Some(known) = self.0.get(agent) {
            return known;
        }
        let label = device_label(agent);
        self.0.insert(agent.to_owned(), label.clone());
        label
    }
}

fn device_label(agent: &str) -> String {
    match Parser::new().parse(agent) {
        Some(found) if found.os != "UNKNOWN" => format!("{} on {}", found.name, found.os),
        _ => {
            let tool: String =
                agent.split(['/', ' ']).next().unwrap_or_default().chars().take(MAX_LABEL).collect();
            if tool.is_empty() { "an unnamed client".to_owned() } else { tool }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn address(peer: &str, forwarded: &[&'static str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_static(line));
        }
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        client_address(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn an_untrusted_client_cannot_choose_its_address() {
        assert_eq!(address("192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(address("10.0.0.1", &["1.1.1.1, 198.51.100.7"]), "198.51.100.7");
        assert_eq!(address("10.0.0.1", &["1.1.1.1", "198.51.100.7, 10.0.0.2"]), "198.51.100.7");
        assert_eq!(address("10.0.0.1", &["garbage, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(address("10.0.0.1", &["1.1.1.1, 198.51.100.7:5555, [2001:db8::1]:1"]), "2001:db8::1");
        assert_eq!(address("10.0.0.1", &["1.1.1.1, 198.51.100.7:5555"]), "198.51.100.7");
        assert_eq!(address("::ffff:10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
    }

    #[test]
    fn a_device_label_names_the_browser_and_system_or_the_tool() {
        let label = |agent: &'static str| {
            let headers = HeaderMap::from_iter([(header::USER_AGENT, HeaderValue::from_static(agent))]);
            let devices = DeviceLabels::default();
            let labels = [devices.of(&headers), devices.of(&headers)];
            assert_eq!(labels[0], labels[1], "the cached label");
            labels[0].clone()
        };
        let chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                      Chrome/120.0.0.0 Safari/537.36";
        assert_eq!(label(chrome), "Chrome on Windows 10");
        assert_eq!(label("curl/8.5.0"), "curl");
        assert_eq!(label(""), "an unnamed client");
    }
}
