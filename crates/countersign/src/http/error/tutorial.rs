//! Failures of the tutorial's routes: `{"message": …}`.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::Failure;

#[derive(Debug)]
pub(crate) struct Message(pub(super) Failure);

impl Message {
    /// Turns a 401 or 403 into a 403 with the tutorial's message. Other failures keep their own text.
    pub(crate) fn refusing(failure: impl Into<Failure>, message: &str) -> Self {
        let failure = failure.into();
        match failure.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Self::forbidden(message),
            _ => Self(failure),
        }
    }

    pub(crate) fn forbidden(message: &str) -> Self {
        Self(Failure::new(StatusCode::FORBIDDEN, "forbidden", message))
    }

    pub(crate) fn unauthorized(message: &str) -> Self {
        Self(Failure::new(StatusCode::UNAUTHORIZED, "unauthorized", message))
    }
}

impl IntoResponse for Message {
    fn into_response(self) -> Response {
        let body = Json(json!({"message": self.0.detail}));
        self.0.with_retry((self.0.status, body).into_response())
    }
}

impl<F: Into<Failure>> From<F> for Message {
    fn from(failure: F) -> Self {
        Self(failure.into())
    }
}
