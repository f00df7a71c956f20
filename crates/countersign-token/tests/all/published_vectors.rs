//! The examples of the RFCs.

use countersign_token::{Algorithm, Jwk, KeyId, Secret, SigningKey, VerifyingKey};
use serde_json::{Value, json};

use crate::support::decode;

/// The payload of RFC 7515 appendices A.1 to A.3.
const PAYLOAD: &str =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

/// The modulus of RFC 7638 §3.1.
const MODULUS: &str = concat!(
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3",
    "oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdA",
    "ZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-",
    "kEgU8awapJzKnqDKgw"
);

fn verifying_key(mut jwk: Value) -> VerifyingKey {
    jwk["kid"] = json!("k");
    VerifyingKey::from_jwk(&Jwk::from_value(&jwk).unwrap()).unwrap()
}

fn check(key: &VerifyingKey, header: &str, payload: &str, signature: &str) {
    let message = format!("{header}.{payload}");
    key.verify_signature(message.as_bytes(), &decode(signature)).unwrap();
    let other = format!("{message}A");
    assert!(key.verify_signature(other.as_bytes(), &decode(signature)).is_err());
}

#[test]
fn rfc_7515_appendix_a_1_hs256() {
    let secret = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    let kid = KeyId::parse("k").unwrap();
    let key = SigningKey::parse(Algorithm::Hs256, kid, &Secret::new(decode(secret))).unwrap();
    let header = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9";
    check(&key.verifying_key(), header, PAYLOAD, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
}

#[test]
fn rfc_7515_appendix_a_2_rs256() {
    let key = verifying_key(json!({ "kty": "RSA", "e": "AQAB", "n": concat!(
        "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SF",
        "d2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo",
        "7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkM",
        "Ls91kzk2PAcDTW9gb54h4FRWyuXpoQ"
    ) }));
    let signature = concat!(
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdb",
        "F9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383",
        "LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWy",
        "wlVmtVrBp0igcN_IoypGlUPQGe77Rw"
    );
    check(&key, "eyJhbGciOiJSUzI1NiJ9", PAYLOAD, signature);
}

#[test]
fn rfc_7515_appendix_a_3_es256() {
    let key = verifying_key(json!({
        "kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    }));
    let signature = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    check(&key, "eyJhbGciOiJFUzI1NiJ9", PAYLOAD, signature);
}

#[test]
fn rfc_8037_appendix_a_ed25519() {
    let private = decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A");
    // The PKCS#8 prefix of an Ed25519 private key (RFC 8410 §7).
    let mut pkcs8 = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    pkcs8.extend(private);
    let kid = KeyId::parse("k").unwrap();
    let key = SigningKey::parse(Algorithm::EdDsa, kid, &Secret::new(pkcs8)).unwrap();
    let jwk = key.public_jwk().unwrap();
    assert_eq!(json!(jwk)["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    assert_eq!(jwk.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    check(&key.verifying_key(), "eyJhbGciOiJFZERTQSJ9", "RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc", signature);
}

#[test]
fn rfc_7638_section_3_1_thumbprint() {
    let jwk = json!({ "kty": "RSA", "n": MODULUS, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29" });
    let thumbprint = Jwk::from_value(&jwk).unwrap().thumbprint();
    assert_eq!(thumbprint, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

#[test]
fn a_thumbprint_depends_only_on_the_key() {
    let mut jwk = json!({ "kty": "RSA", "n": MODULUS, "e": "AQAB" });
    let plain = Jwk::from_value(&jwk).unwrap().thumbprint();
    jwk["kid"] = json!("other");
    jwk["alg"] = json!("PS256");
    assert_eq!(Jwk::from_value(&jwk).unwrap().thumbprint(), plain);
    assert!(KeyId::parse(&plain).is_ok());
}
