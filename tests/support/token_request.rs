//! Asks a mock issuer's token endpoint.

use bytes::Bytes;
use http::{Request, header};
use portcullis::testing::MockIssuer;
use serde_json::Value;

/// Posts the form to this path and returns status and JSON.
pub async fn post_form(issuer: &MockIssuer, path: &str, form: &str) -> (u16, Value) {
    let request = Request::post(format!("{}{path}", issuer.url()))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Bytes::copy_from_slice(form.as_bytes()))
        .unwrap();
    let response = issuer.fetch().fetch(request, 1 << 16).await.unwrap();
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
}

/// The access token of a form that is granted.
pub async fn granted(issuer: &MockIssuer, path: &str, form: &str) -> String {
    let (status, answer) = post_form(issuer, path, form).await;
    assert_eq!((status, &answer["token_type"]), (200, &Value::from("Bearer")), "{answer}");
    answer["access_token"].as_str().unwrap().to_owned()
}
