//! How an issuer is asked: with which client, through which proxy, and in which encoding.

use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

use countersign_verify::{Issuer, IssuerError, Verifier};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;

use crate::fake_issuer::{FakeIssuer, Manner};
use crate::support::{AUDIENCE, Time, claims_of, eventually};

/// The first line of the first request that a proxy gets.
async fn asked_of(proxy: &TcpListener) -> String {
    let asked = async {
        let (connection, _) = proxy.accept().await.unwrap();
        BufReader::new(connection).lines().next_line().await.unwrap().unwrap()
    };
    tokio::time::timeout(Duration::from_secs(60), asked).await.unwrap()
}

fn builder() -> reqwest::ClientBuilder {
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    reqwest::Client::builder()
}

#[tokio::test]
async fn every_request_asks_for_an_answer_that_is_not_compressed() {
    let time = Time::at_noon();
    let issuer = FakeIssuer::start(&time).await;
    issuer.serve_list();
    let discovery = Issuer::discover(issuer.name.as_str()).clock(time.clock());
    let followed = discovery.connect().await.unwrap();
    issuer.be_silent(true);
    issuer.end_streams();
    eventually("the list is asked for", || !issuer.list_reads().is_empty()).await;
    drop(followed);
    let heads = issuer.state.heads.lock().unwrap().clone();
    for path in ["/.well-known/oauth-authorization-server", "/.well-known/jwks.json", "/revocations/stream"] {
        assert!(heads.iter().any(|head| head.contains(path)), "{path}");
    }
    for head in heads {
        assert!(head.to_ascii_lowercase().contains("\r\naccept-encoding: identity\r\n"), "{head}");
    }
}

#[tokio::test]
async fn a_compressed_answer_is_called_so() {
    let time = Time::at_noon();
    let issuer = FakeIssuer::start(&time).await;
    issuer.behave(Manner::Head("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 0"));
    let outcome = Verifier::discover(&issuer.name, AUDIENCE).await;
    assert!(matches!(outcome, Err(IssuerError::Encoded)), "{outcome:?}");
    issuer.behave(Manner::Head("HTTP/1.1 200 OK\r\ncontent-encoding: Identity\r\ncontent-length: 0"));
    let outcome = Verifier::discover(&issuer.name, AUDIENCE).await;
    assert!(matches!(outcome, Err(IssuerError::Json(_))), "{outcome:?}");
}

#[tokio::test]
async fn a_client_of_ones_own_sends_every_request() {
    let time = Time::at_noon();
    let issuer = FakeIssuer::start(&time).await;
    let client = builder().user_agent("our own").build().unwrap();
    let discovery = Issuer::discover(issuer.name.as_str()).clock(time.clock()).client(client);
    let verifier = Verifier::for_audience(AUDIENCE, discovery.connect().await.unwrap()).clock(time.clock());
    assert!(verifier.verify_now(&issuer.sign(&claims_of(&issuer.name))).await.is_ok());
    assert_eq!(issuer.state.open_streams.load(Ordering::SeqCst), 1);
    let heads = issuer.state.heads.lock().unwrap().clone();
    assert!(heads.iter().all(|head| head.contains("user-agent: our own\r\n")), "{heads:?}");
}

#[tokio::test]
async fn a_redirect_that_ones_own_client_follows_leads_nowhere() {
    let time = Time::at_noon();
    let issuer = FakeIssuer::start(&time).await;
    issuer.behave(Manner::Head("HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0"));
    let discovery = Issuer::discover(issuer.name.as_str()).client(builder().build().unwrap());
    let outcome = discovery.connect().await;
    assert!(matches!(outcome, Err(IssuerError::Redirected)), "{outcome:?}");
}

#[tokio::test]
async fn a_client_of_ones_own_may_have_a_proxy() {
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let client = builder().proxy(reqwest::Proxy::all(address).unwrap()).build().unwrap();
    let _issuer = Issuer::discover("https://id.example").client(client).connect_lazily().unwrap();
    assert_eq!(asked_of(&proxy).await, "CONNECT id.example:443 HTTP/1.1");
}

#[tokio::test]
async fn the_proxy_that_the_environment_names_is_used() {
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut api = Command::new(std::env::current_exe().unwrap());
    api.args(["--exact", "client::an_issuer_elsewhere_is_asked", "--ignored"]).stdout(Stdio::null());
    for name in ["https_proxy", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"] {
        api.env_remove(name);
    }
    let mut api = api.env("HTTPS_PROXY", format!("http://{}", proxy.local_addr().unwrap())).spawn().unwrap();
    assert_eq!(asked_of(&proxy).await, "CONNECT id.example:443 HTTP/1.1");
    api.kill().unwrap();
    api.wait().unwrap();
}

#[tokio::test]
#[ignore = "the test above runs it, with a proxy in its environment"]
async fn an_issuer_elsewhere_is_asked() {
    let outcome = Verifier::discover("https://id.example", AUDIENCE).await;
    assert!(matches!(outcome, Err(IssuerError::Request(_))), "{outcome:?}");
}
