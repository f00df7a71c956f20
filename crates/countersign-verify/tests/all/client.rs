//! Requests to an issuer: the HTTP client, the proxy and the encoding.

use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

use countersign_verify::{Issuer, IssuerError, Verifier};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;

use crate::fake_issuer::{Behaviour, FakeIssuer};
use crate::support::{AUDIENCE, Time, claims_of, eventually};

/// The request line of the first request to a proxy.
async fn first_request_to(proxy: &TcpListener) -> String {
    let request = async {
        let (connection, _) = proxy.accept().await.unwrap();
        BufReader::new(connection).lines().next_line().await.unwrap().unwrap()
    };
    tokio::time::timeout(Duration::from_secs(60), request).await.unwrap()
}

fn builder() -> reqwest::ClientBuilder {
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    reqwest::Client::builder()
}

#[tokio::test]
async fn requests_do_not_accept_compressed_responses() {
    let time = Time::at_noon();
    let issuer = FakeIssuer::start(&time).await;
    issuer.serve_list();
    let discovery = Issuer::discover(issuer.name.as_str()).clock(time.clock());
    let followed = discovery.connect().await.unwrap();
    issuer.be_silent(true);
    issuer.end_streams();
    eventually("the list is polled", || !issuer.list_reads().is_empty()).await;
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
async fn a_compressed_response_has_its_own_error() {
    let time = Time::at_noon();
    let issuer = FakeIssuer::start(&time).await;
    issuer.behave(Behaviour::Head("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 0"));
    let outcome = Verifier::discover(&issuer.name, AUDIENCE).await;
    assert!(matches!(outcome, Err(IssuerError::Encoded)), "{outcome:?}");
    issuer.behave(Behaviour::Head("HTTP/1.1 200 OK\r\ncontent-encoding: Identity\r\ncontent-length: 0"));
    let outcome = Verifier::discover(&issuer.name, AUDIENCE).await;
    assert!(matches!(outcome, Err(IssuerError::Json(_))), "{outcome:?}");
}

#[tokio::test]
async fn a_configured_client_sends_all_requests() {
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
async fn a_redirect_that_a_configured_client_follows_is_an_error() {
    let time = Time::at_noon();
    let issuer = FakeIssuer::start(&time).await;
    issuer.behave(Behaviour::Head("HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0"));
    let discovery = Issuer::discover(issuer.name.as_str()).client(builder().build().unwrap());
    let outcome = discovery.connect().await;
    assert!(matches!(outcome, Err(IssuerError::Redirected)), "{outcome:?}");
}

#[tokio::test]
async fn a_configured_client_may_have_a_proxy() {
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let client = builder().proxy(reqwest::Proxy::all(address).unwrap()).build().unwrap();
    let _issuer = Issuer::discover("https://id.example").client(client).connect_lazily().unwrap();
    assert_eq!(first_request_to(&proxy).await, "CONNECT id.example:443 HTTP/1.1");
}

#[tokio::test]
async fn the_proxy_of_the_environment_is_used() {
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut api = Command::new(std::env::current_exe().unwrap());
    api.args(["--exact", "client::a_request_to_an_issuer_on_another_machine", "--ignored"])
        .stdout(Stdio::null());
    for name in ["https_proxy", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"] {
        api.env_remove(name);
    }
    let mut api = api.env("HTTPS_PROXY", format!("http://{}", proxy.local_addr().unwrap())).spawn().unwrap();
    assert_eq!(first_request_to(&proxy).await, "CONNECT id.example:443 HTTP/1.1");
    api.kill().unwrap();
    api.wait().unwrap();
}

#[tokio::test]
#[ignore = "the test above runs this one in a process with a proxy"]
async fn a_request_to_an_issuer_on_another_machine() {
    let outcome = Verifier::discover("https://id.example", AUDIENCE).await;
    assert!(matches!(outcome, Err(IssuerError::Request(_))), "{outcome:?}");
}
