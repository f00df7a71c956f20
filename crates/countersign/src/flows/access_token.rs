//! Verifying access tokens of this server, whose type a client may have chosen.

use std::sync::Arc;

use countersign_core::ClientId;
use countersign_core::store::StoreError;
use countersign_token::{AccessTokenClaims, TokenType, VerifyError};

use crate::app::App;

/// Verifies an access token for one of several audiences. A token of another type than the server's is valid only if its
/// client is registered for this type.
///
/// # Errors
///
/// When the store fails, because the server then cannot tell whether the client is registered for the type.
pub(super) async fn verify(
    app: &App,
    audiences: &[String],
    text: &str,
) -> Result<Result<Arc<AccessTokenClaims>, VerifyError>, StoreError> {
    let (keys, now) = (app.keyring.current(), app.world.now());
    let mut refused = VerifyError::WrongAudience;
    for audience in audiences {
        match keys.verify(text, audience, now) {
            Err(VerifyError::WrongType(_)) => {}
            Err(error) => {
                refused = error;
                continue;
            }
            verified => return Ok(verified),
        }
        let other = other_than(app.terms.issuer.token_type);
        match keys.verify_type(text, audience, other, now) {
            Ok(claims) if has_type(app, &claims, other).await? => return Ok(Ok(claims)),
            _ => refused = VerifyError::WrongType(app.terms.issuer.token_type),
        }
    }
    Ok(Err(refused))
}

const fn other_than(token_type: TokenType) -> TokenType {
    match token_type {
        TokenType::AccessToken => TokenType::Jwt,
        _ => TokenType::AccessToken,
    }
}

async fn has_type(app: &App, claims: &AccessTokenClaims, token_type: TokenType) -> Result<bool, StoreError> {
    let Ok(client) = claims.client_id.parse::<ClientId>() else { return Ok(false) };
    Ok(app.terms_of(&client).await?.issuer.token_type == token_type)
}
