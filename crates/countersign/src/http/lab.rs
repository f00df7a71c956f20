//! The lab's page and its files, which are embedded in the executable.
//!
//! The page shows tokens. So it loads only its own files, from this server, and other
//! pages cannot embed it in a frame.

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use include_dir::{Dir, include_dir};

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/lab");

/// The page never parses text as HTML, so `trusted-types` can be `'none'`.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'";

/// `GET /`.
pub(super) async fn page() -> Response {
    file("index.html")
}

/// `GET /lab/{*path}`.
pub(super) async fn asset(Path(path): Path<String>) -> Response {
    file(&path)
}

fn file(path: &str) -> Response {
    let found = FILES.get_file(path).zip(path.rsplit_once('.').and_then(|(_, kind)| media_type(kind)));
    let Some((file, media_type)) = found else { return StatusCode::NOT_FOUND.into_response() };
    let headers =
        [(header::CONTENT_TYPE, media_type), (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY)];
    (headers, file.contents()).into_response()
}

fn media_type(kind: &str) -> Option<&'static str> {
    match kind {
        "html" => Some("text/html; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        _ => None,
    }
}
