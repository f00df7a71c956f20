//! The status, code and text of each flow's errors.

use std::time::Duration;

use axum::http::StatusCode;
use countersign_core::store::StoreError;

use super::Failure;
use crate::flows::InternalError;
use crate::flows::accounts::AccountError;
use crate::flows::authenticate_client::ClientError;
use crate::flows::authenticate_user::AuthenticationError;
use crate::flows::authorize::AuthorizeError;
use crate::flows::change_password::ChangePasswordError;
use crate::flows::clients::ClientsError;
use crate::flows::lab::LabError;
use crate::flows::open::OpenError;
use crate::flows::open_on_behalf::OnBehalfError;
use crate::flows::refresh::RefreshError;
use crate::flows::revocation_list::ListError;
use crate::flows::sign_in::SignInError;
use crate::services::keyring::KeyringError;
use crate::services::metrics::RefreshOutcome;

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "a request failed because of a store error"
        );
        let detail = "The service is temporarily unavailable. No data was lost. Retry shortly.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).after(Duration::from_secs(1))
    }
}

impl From<InternalError> for Failure {
    fn from(error: InternalError) -> Self {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "a request failed because of an internal error"
        );
        super::of_status(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<ListError> for Failure {
    fn from(error: ListError) -> Self {
        match error {
            ListError::Stale => StoreError::caused_by("the revocation list cannot be served", error).into(),
            ListError::Sign(error) => {
                InternalError::caused_by("the revocation list cannot be signed", error).into()
            }
        }
    }
}

impl From<RefreshError> for Failure {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Refused(_) => {
                Self::new(StatusCode::UNAUTHORIZED, "invalid_refresh_token", "Sign in again.")
            }
            RefreshError::TooManyReplays(wait) | RefreshError::TooOften(wait) => Self::throttled(wait),
            RefreshError::Contended => {
                StoreError::caused_by("too many requests changed the session at the same time", error).into()
            }
            RefreshError::Unavailable(error) => error.into(),
            RefreshError::Internal(error) => error.into(),
        }
    }
}

impl From<SignInError> for Failure {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::NotAuthenticated(error) => error.into(),
            SignInError::ScopeNotAllowed => Self::invalid_scope(),
            SignInError::PasswordNotChanged(error) => error.into(),
        }
    }
}

impl From<AuthenticationError> for Failure {
    fn from(error: AuthenticationError) -> Self {
        match error {
            AuthenticationError::Refused(_) => {
                let detail = "The username or the password is wrong.";
                Self::new(StatusCode::UNAUTHORIZED, "invalid_credentials", detail)
            }
            AuthenticationError::Throttled(wait) => Self::throttled(wait),
            AuthenticationError::Busy(wait) => Self::busy(wait),
            AuthenticationError::Unavailable(error) => error.into(),
            AuthenticationError::Internal(error) => error.into(),
        }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::AlreadySpent => RefreshError::Refused(RefreshOutcome::NotOurs).into(),
            OpenError::UserChanged => {
                let detail = "The user is disabled, or was signed out everywhere at the same time.";
                Self::new(StatusCode::CONFLICT, "user_disabled", detail)
            }
            OpenError::Claims(error) => AccountError::Malformed(error).into(),
            OpenError::NoSuchClient => {
                let detail =
                    "No client with this id is registered. Register it with `countersign client add`.";
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unknown_client", detail)
            }
            OpenError::Outdated => Self::outdated(),
            OpenError::Unavailable(error) => error.into(),
            OpenError::Internal(error) => error.into(),
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Refused => {
                let detail = "The client is unknown, or did not authenticate with its registered method.";
                Self::new(StatusCode::UNAUTHORIZED, "invalid_client", detail)
            }
            ClientError::GrantNotAllowed(grant) => {
                let detail = format!(
                    "The client is not registered for the grant {}. An administrator can allow it: see \
                     `countersign client update --help`.",
                    grant.as_str()
                );
                Self::new(StatusCode::BAD_REQUEST, "unauthorized_client", detail)
            }
            ClientError::Unavailable(error) => error.into(),
        }
    }
}

impl From<ClientsError> for Failure {
    fn from(error: ClientsError) -> Self {
        let words = || capitalised(&error);
        match error {
            ClientsError::IdTaken => Self::new(StatusCode::CONFLICT, "id_taken", words()),
            ClientsError::Settings(_) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_client_settings", words())
            }
            ClientsError::NoSuchClient => Self::not_found("client"),
            ClientsError::NoSecret => Self::new(StatusCode::CONFLICT, "no_client_secret", words()),
            ClientsError::Outdated => Self::outdated(),
            ClientsError::Unavailable(error) => error.into(),
        }
    }
}

impl From<OnBehalfError> for Failure {
    fn from(error: OnBehalfError) -> Self {
        match error {
            OnBehalfError::LabClient => {
                Self::malformed("This client is the lab's: choose another `client_id`.")
            }
            OnBehalfError::NoSuchUser => {
                let detail = "No user has this id. `subject` is a user's id, and not the username: see \
                              `countersign user list` or `GET /v1/admin/users`.";
                Self::new(StatusCode::NOT_FOUND, "not_found", detail)
            }
            OnBehalfError::NotTheUsersScope => Self::invalid_scope(),
            OnBehalfError::NotTheClientsScope => {
                let detail = "The client is not allowed to have this scope. `countersign client show` prints the \
                              scopes of a client. `countersign:account` and `countersign:admin` are only for \
                              `first-party`.";
                Self::new(StatusCode::BAD_REQUEST, "invalid_scope", detail)
            }
            OnBehalfError::Claims(error) => AccountError::Malformed(error).into(),
            OnBehalfError::SecretRequired => {
                let detail = "The client is confidential: send its secret as `client_secret`.";
                Self::new(StatusCode::FORBIDDEN, "client_not_authenticated", detail)
            }
            OnBehalfError::SecretUnexpected => {
                Self::malformed("The client is public and has no secret: leave `client_secret` out.")
            }
            OnBehalfError::Client(error) => error.into(),
            OnBehalfError::NotOpened(error) => error.into(),
        }
    }
}

impl From<AuthorizeError> for Failure {
    fn from(error: AuthorizeError) -> Self {
        match error {
            AuthorizeError::Refused => {
                let detail = "The access token is not valid. Refresh it, or sign in again.";
                Self::new(StatusCode::UNAUTHORIZED, "invalid_token", detail)
            }
            AuthorizeError::ScopeMissing(scope) => {
                let detail = format!("The request needs an access token with the scope {scope}.");
                Self::new(StatusCode::FORBIDDEN, "insufficient_scope", detail)
            }
            AuthorizeError::Unavailable(error) => error.into(),
        }
    }
}

impl From<LabError> for Failure {
    fn from(error: LabError) -> Self {
        match error {
            LabError::Absent => Self::not_found("lab"),
            LabError::NoDemoUser => {
                let detail =
                    "The demo user was deleted or disabled. Start again with an empty data directory.";
                Self::new(StatusCode::CONFLICT, "no_demo_user", detail)
            }
            LabError::NoKeys => {
                let detail = "HS256 signs with one shared secret, so the server has no keys to rotate.";
                Self::new(StatusCode::CONFLICT, "no_signing_keys", detail)
            }
            LabError::Keys(KeyringError::Store(error)) => error.into(),
            LabError::Keys(error) => {
                InternalError::caused_by("the signing keys cannot be rotated", error).into()
            }
            LabError::Internal(error) => error.into(),
            LabError::Unavailable(error) => error.into(),
        }
    }
}

impl From<AccountError> for Failure {
    fn from(error: AccountError) -> Self {
        let detail = || capitalised(&error);
        match error {
            AccountError::Malformed(_) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_account", detail())
            }
            AccountError::Weak(_) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "weak_password", detail()),
            AccountError::NameTaken => Self::new(StatusCode::CONFLICT, "username_taken", detail()),
            AccountError::IdTaken => Self::new(StatusCode::CONFLICT, "id_taken", detail()),
            AccountError::EmailTaken => Self::new(StatusCode::CONFLICT, "email_taken", detail()),
            AccountError::Outdated => Self::outdated(),
            AccountError::NoSuchUser => Self::not_found("user"),
            AccountError::Busy(busy) => Self::busy(busy.retry_after),
            AccountError::Unavailable(error) => error.into(),
        }
    }
}

impl From<ChangePasswordError> for Failure {
    fn from(error: ChangePasswordError) -> Self {
        match error {
            ChangePasswordError::NotProved(AuthenticationError::Refused(_)) => {
                Self::new(StatusCode::FORBIDDEN, "wrong_password", "The current password is wrong.")
            }
            ChangePasswordError::NotProved(error) => error.into(),
            ChangePasswordError::Temporary => Self::password_change_required(),
            ChangePasswordError::NotSet(error) => error.into(),
        }
    }
}

/// Turns an error text (lower case, no full stop) into a sentence.
fn capitalised(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    let mut characters = text.chars();
    let first = characters.next().map(char::to_uppercase).into_iter().flatten();
    first.chain(characters).chain(['.']).collect()
}
