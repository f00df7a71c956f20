//! Failures as the tutorial's routes tell them: `{"message": …}`.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::Failure;

/// A failure in the tutorial's form.
#[derive(Debug)]
pub(crate) struct Message(pub(super) Failure);

impl Message {
    /// The tutorial's words for whatever was not acceptable; other failures keep their own.
    pub(crate) fn refusing(failure: impl Into<Failure>, words: &str) -> Self {
        let failure = failure.into();
        match failure.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Self::forbidden(words),
            _ => Self(failure),
        }
    }

    pub(crate) fn forbidden(words: &str) -> Self {
        Self(Failure::new(StatusCode::FORBIDDEN, "forbidden", words))
    }

    pub(crate) fn unauthorized(words: &str) -> Self {
        Self(Failure::new(StatusCode::UNAUTHORIZED, "unauthorized", words))
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
