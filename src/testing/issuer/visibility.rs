//! What OpenIddict tells whom about a token.

use serde_json::Value;

use super::introspection::is_for;

/// Cuts an answer down to what this caller may know; `false`: to them the token is not active.
///
/// 1. A token that names audiences and presenters (`oi_prst`, otherwise `client_id`) is nobody else's
///    business.
/// 2. Scopes and the application's own claims are for its audiences alone, and only for those that
///    keep a secret. Who gets past the first rule without being an audience learns that the token is
///    active, and no more than what stands on every token.
pub(super) fn cut_down(answer: &mut Value, caller: &str, confidential: bool) -> bool {
    let named = |claim: &str| match &answer[claim] {
        Value::Null => None,
        Value::Array(names) if names.is_empty() => None,
        value => Some(is_for(value, caller)),
    };
    let audience = named("aud");
    let presenter = named("oi_prst").or_else(|| named("client_id"));
    if let (Some(false), Some(false)) = (audience, presenter) {
        return false;
    }
    let is_audience = audience == Some(true) && confidential;
    if let Some(claims) = answer.as_object_mut().filter(|_| !is_audience) {
        claims.retain(|name, _| ON_EVERY_TOKEN.contains(&&**name));
    }
    true
}

const ON_EVERY_TOKEN: [&str; 8] = ["iss", "jti", "sub", "iat", "nbf", "exp", "aud", "client_id"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn who_learns_what() {
        let all = ["aud", "client_id", "scope", "name", "sub"];
        let bare = ["aud", "client_id", "sub"];
        for (aud, client, caller, confidential, told) in [
            (json!("api"), json!("app"), "api", true, Some(&all[..])),
            (json!(["x", "api"]), json!("app"), "api", true, Some(&all[..])),
            (json!("api"), json!("app"), "api", false, Some(&bare[..])),
            (json!("api"), json!("app"), "app", true, Some(&bare[..])),
            (json!("api"), json!("app"), "other", true, None),
            (json!([]), json!("app"), "other", true, Some(&bare[..])),
            (Value::Null, json!("app"), "other", true, Some(&["client_id", "sub"][..])),
            (json!("api"), Value::Null, "other", true, Some(&["aud", "sub"][..])),
        ] {
            let mut answer = json!({"aud": aud, "client_id": client, "sub": "alice",
                "scope": "read", "name": "Alice"});
            answer.as_object_mut().unwrap().retain(|_, value| !value.is_null());
            let active = cut_down(&mut answer, caller, confidential);
            assert_eq!(active, told.is_some(), "{caller} {answer}");
            if let Some(told) = told {
                let names: Vec<&String> = answer.as_object().unwrap().keys().collect();
                assert!(names.len() == told.len() && told.iter().all(|it| !answer[*it].is_null()));
            }
        }
    }
}
