//! The server's own routes accept and reject the tokens in `tests/vectors` as the repository's verifiers do.

use axum::http::Method;
use countersign::services::keyring::Keys;
use countersign_token::{Algorithm, JwkSet, KeyId, KeySet, SigningKey};
use serde_json::Value;

use crate::harness::{Call, Harness};

const FILE: &str = include_str!("../../../../tests/vectors/access-tokens.json");

/// A server with the issuer, the audience and the key set of the vectors.
fn server(vectors: &Value) -> Harness {
    let text = |name: &str| vectors[name].as_str().unwrap().to_owned();
    let (issuer, audience) = (text("issuer"), text("audience"));
    let server = Harness::with(|config| {
        config.issuer = Some(issuer);
        config.access_token.audience = Some(audience);
    });
    let verifying = KeySet::from(JwkSet::from_value(&vectors["jwks"]).unwrap());
    let material = SigningKey::generate(Algorithm::Es256).unwrap();
    let signing = SigningKey::parse(Algorithm::Es256, KeyId::parse("unused").unwrap(), &material).unwrap();
    server.edge.app.keyring.replace(Keys { signing, verifying, published: String::new() });
    server
}

// C1, C2, C3, C4, C5, C7
#[test]
fn the_protected_route_decides_each_shared_vector_as_expected() {
    let vectors: Value = serde_json::from_str(FILE).unwrap();
    let server = server(&vectors);
    assert_eq!(server.now().seconds(), vectors["now"].as_u64().unwrap());
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for vector in vectors["vectors"].as_array().unwrap() {
        let token = vector["token"].as_str().unwrap();
        // A header value has only visible characters, and a request without a token gets another response.
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            continue;
        }
        tried += 1;
        let call = Call::new(Method::GET, "/protectedRoute").bearer(token);
        let status = server.request(call).status.as_u16();
        let expected = if vector["accept"] == true { 200 } else { 403 };
        if status != expected {
            wrong.push(format!("{}: {status}, but {expected} is expected", vector["name"]));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(tried > 300, "{tried}");
}
