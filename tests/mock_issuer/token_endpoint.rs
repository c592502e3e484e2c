//! The token endpoint (RFC 6749 §5).

use crate::*;

#[tokio::test]
async fn a_password_buys_a_token() {
    let clock = ManualClock::new();
    let issuer = article(MockIssuer::builder().clock(clock.clone()));
    let answer = token(&issuer, PASSWORD_FORM).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/json");
    assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
    assert_eq!(answer.headers()[header::PRAGMA], "no-cache");
    let document = json_of(&answer);
    assert_eq!(document["token_type"], "Bearer");
    assert_eq!(document["expires_in"], 3600);
    assert_eq!(document["scope"], "openid api1");
    let members: Vec<_> = document.as_object().unwrap().keys().collect();
    assert_eq!(members, ["access_token", "expires_in", "scope", "token_type"]);
    let access_token = document["access_token"].as_str().unwrap();
    assert!(jws::verify(access_token, &issuer.signing_key().jwk(), &[Algorithm::RS256]).is_ok());
    let now = clock.now().as_secs();
    let expected = json!({
        "nbf": now, "exp": now + 3600, "iss": "https://issuer.test", "aud": "api1",
        "client_id": "ropc_client", "sub": "admin", "auth_time": now, "idp": "local",
        "scope": ["openid", "api1"], "amr": ["custom"], "name": "Ann",
    });
    assert_eq!(claims_of(access_token), expected);
}

#[tokio::test]
async fn a_client_gets_a_token_of_its_own() {
    let issuer = article(MockIssuer::builder());
    let form = "grant_type=client_credentials&client_id=machine&client_secret=m&scope=api1";
    let claims = claims_of(access_token(&token(&issuer, form).await).as_str());
    assert_eq!((&claims["client_id"], &claims["aud"]), (&json!("machine"), &json!("api1")));
    assert!(claims.get("sub").is_none(), "IdentityServer4 gives it none");
    let form = "grant_type=client_credentials&client_id=machine&client_secret=m&scope=orphan";
    let claims = claims_of(access_token(&token(&issuer, form).await).as_str());
    assert!(claims.get("aud").is_none(), "no API owns the scope");

    let issuer = MockIssuer::builder().client(machine()).build();
    let form = "grant_type=client_credentials&client_id=machine&client_secret=m";
    let answer = post(&issuer, "https://issuer.test/token", form).await;
    let claims = claims_of(&access_token(&answer));
    assert_eq!(claims["sub"], "machine", "RFC 9068 §2.2");
    assert_eq!(claims["scope"], "api1 orphan", "all that it may have");
    assert_eq!(json_of(&answer)["scope"], "api1 orphan");
}

#[tokio::test]
async fn each_error_of_the_token_endpoint_can_be_reached() {
    let issuer = article(MockIssuer::builder().user(User::new("gone", "p")));
    issuer.deactivate_user("gone");
    let long = "x".repeat(101);
    let client = "client_id=ropc_client&client_secret=secret";
    let user = "username=admin&password=Abcd%401234";
    for (name, form, status, error) in [
        (
            "wrong password",
            format!("{client}&grant_type=password&username=admin&password=x"),
            400,
            "invalid_grant",
        ),
        (
            "no password",
            format!("{client}&grant_type=password&username=admin"),
            400,
            "invalid_grant",
        ),
        (
            "unknown user",
            format!("{client}&grant_type=password&username=eve&password=x"),
            400,
            "invalid_grant",
        ),
        (
            "inactive user",
            format!("{client}&grant_type=password&username=gone&password=p"),
            400,
            "invalid_grant",
        ),
        (
            "long name",
            format!("{client}&grant_type=password&username={long}&password=x"),
            400,
            "invalid_grant",
        ),
        (
            "long password",
            format!("{client}&grant_type=password&username=admin&password={long}"),
            400,
            "invalid_grant",
        ),
        ("no username", format!("{client}&grant_type=password&password=x"), 400, "invalid_request"),
        (
            "empty username",
            format!("{client}&grant_type=password&username=&password=x"),
            400,
            "invalid_request",
        ),
        (
            "wrong secret",
            format!("client_id=ropc_client&client_secret=x&grant_type=password&{user}"),
            401,
            "invalid_client",
        ),
        (
            "no secret",
            format!("client_id=ropc_client&grant_type=password&{user}"),
            401,
            "invalid_client",
        ),
        (
            "unknown client",
            format!("client_id=x&client_secret=x&grant_type=password&{user}"),
            401,
            "invalid_client",
        ),
        ("no client", format!("grant_type=password&{user}"), 401, "invalid_client"),
        (
            "grant not allowed",
            "client_id=machine&client_secret=m&grant_type=password".to_owned(),
            400,
            "unauthorized_client",
        ),
        ("unknown grant", format!("{client}&grant_type=telepathy"), 400, "unsupported_grant_type"),
        ("no grant", client.to_owned(), 400, "invalid_request"),
        (
            "foreign scope",
            format!("{client}&grant_type=password&{user}&scope=api2"),
            400,
            "invalid_scope",
        ),
        (
            "scope twice",
            format!("{client}&grant_type=password&{user}&scope=api1&scope=api1"),
            400,
            "invalid_request",
        ),
        (
            "bad escape",
            format!("{client}&grant_type=password&{user}&x=%zz"),
            400,
            "invalid_request",
        ),
    ] {
        let answer = token(&issuer, &form).await;
        assert_eq!(answer.status().as_u16(), status, "{name}");
        let document = json_of(&answer);
        assert_eq!(document["error"], error, "{name}");
        let description = document["error_description"].as_str().unwrap();
        assert!(description.chars().all(|c| matches!(c, ' '..='~' if c != '"' && c != '\\')));
        assert_eq!(answer.headers().contains_key(header::WWW_AUTHENTICATE), status == 401);
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store", "{name}");
    }
    let answer = get(&issuer, TOKEN).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()[header::ALLOW]),
        (405, &"POST".parse().unwrap())
    );
    let mut no_form = request(Method::POST, TOKEN, PASSWORD_FORM);
    no_form.headers_mut().insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
    assert_eq!(json_of(&send(&issuer, no_form).await)["error"], "invalid_request");
    let unknown = format!("{PASSWORD_FORM}&foo=bar&empty=");
    assert_eq!(token(&issuer, &unknown).await.status(), 200, "unknown parameters are ignored");
    issuer.disable_client("ropc_client");
    assert_eq!(token(&issuer, PASSWORD_FORM).await.status(), 401);
}

#[tokio::test]
async fn a_client_may_use_basic_but_not_both_ways() {
    let client = Client::new("a:b c").secret("s%é").grant("client_credentials");
    let issuer = MockIssuer::builder().client(client).build();
    let basic = |credentials: &str, form: &str| {
        let mut request = request(Method::POST, "https://issuer.test/token", form);
        let value = format!("Basic {}", STANDARD.encode(credentials));
        request.headers_mut().insert(header::AUTHORIZATION, value.parse().unwrap());
        request
    };
    let form = "grant_type=client_credentials";
    let encoded = "a%3Ab+c:s%25%C3%A9";
    assert_eq!(send(&issuer, basic(encoded, form)).await.status(), 200);
    let same = format!("{form}&client_id=a%3Ab+c");
    assert_eq!(send(&issuer, basic(encoded, &same)).await.status(), 200);
    let both = format!("{form}&client_secret=s");
    assert_eq!(json_of(&send(&issuer, basic(encoded, &both)).await)["error"], "invalid_request");
    let other = format!("{form}&client_id=other");
    assert_eq!(json_of(&send(&issuer, basic(encoded, &other)).await)["error"], "invalid_request");
    let wrong = send(&issuer, basic("a%3Ab+c:x", form)).await;
    assert_eq!(wrong.status(), 401);
    assert!(wrong.headers()[header::WWW_AUTHENTICATE].to_str().unwrap().starts_with("Basic "));
}

#[tokio::test]
async fn answers_can_say_more_but_not_what_the_rfc_says() {
    let with =
        |name: &str, value: Value| article(MockIssuer::builder().response_field(name, value));
    let issuer = with("roles", json!(["Ädmin"]));
    assert_eq!(json_of(&token(&issuer, PASSWORD_FORM).await)["roles"], json!(["Ädmin"]));
    for reserved in ["access_token", "scope", "id_token", "error", "error_uri"] {
        let answer = token(&with(reserved, json!("x")), PASSWORD_FORM).await;
        assert_eq!(answer.status(), 500, "{reserved}");
        assert!(json_of(&answer).get("access_token").is_none());
    }
    let issuer = article(MockIssuer::builder().password_error("unauthorized_client", "no"));
    let form = "client_id=ropc_client&client_secret=secret&grant_type=password&username=admin";
    let document = json_of(&token(&issuer, form).await);
    assert_eq!(document, json!({ "error": "unauthorized_client", "error_description": "no" }));
}
