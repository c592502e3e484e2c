//! The redirect after a sign-in or a sign-out.

use http::{Response, StatusCode, header};

use crate::scheme::ReturnUrl;

/// Turns the answer of a login or logout page into a redirect; the body stays, and nobody reads it.
pub(crate) fn send_on<B>(response: &mut Response<B>, to: &ReturnUrl) {
    *response.status_mut() = StatusCode::FOUND;
    response.headers_mut().insert(header::LOCATION, to.to_header_value());
}
