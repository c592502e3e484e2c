//! Whose page sends a form.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use portcullis::scheme::CrossSiteGuard;

/// Logging in is an act, too: another site's page must not sign its visitors in as somebody else, nor
/// out. Whoever says nothing of a page is no browser, and holds nobody's cookies.
pub async fn own_pages_only(
    State(guard): State<CrossSiteGuard>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let is_browser = ["origin", "sec-fetch-site"].iter().any(|it| parts.headers.contains_key(*it));
    if is_browser && !guard.admits(&parts) {
        return (StatusCode::FORBIDDEN, "a page of another site asks\n").into_response();
    }
    next.run(Request::from_parts(parts, body)).await
}
