//! The source's page, and the portal's form. Plain files; nothing is loaded from elsewhere.

use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::get,
};
use http::header;

/// The page, which calls the API of `api`: an origin, or nothing where it is the page's own.
pub fn routes(api: &str) -> Router {
    let api = api.to_owned();
    let index =
        async move || document(&include_str!("page/index.htm").replace("{api}", &api), &api);
    Router::new()
        .route("/", get(index.clone()))
        .route("/index.htm", get(index))
        .route("/page.css", get(async || file("text/css", include_str!("page/page.css"))))
        .route("/page.js", get(async || file("text/javascript", include_str!("page/page.js"))))
}

/// Where the portal lets people log in.
pub async fn login() -> Response {
    document(include_str!("page/login.htm"), "")
}

fn document(text: &str, api: &str) -> Response {
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; \
         connect-src 'self' {api}; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; \
         require-trusted-types-for 'script'"
    );
    let mut document = file("text/html", text.to_owned());
    if let Ok(policy) = policy.parse() {
        document.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    document
}

fn file(kind: &'static str, text: impl IntoResponse) -> Response {
    let kind = format!("{kind}; charset=utf-8");
    let headers = [
        (header::CONTENT_TYPE, &*kind),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text).into_response()
}
