//! Finds a bearer token in the request's headers (RFC 6750 §2.1, RFC 9110 §11.4).

use http::{HeaderMap, HeaderValue, header};

use crate::error::AuthErrorKind;

/// The token of the `Authorization` header, if that header is a bearer one.
///
/// The scheme is compared without case; between it and the token stand spaces, and nothing else.
pub(crate) fn bearer_token(
    headers: &HeaderMap,
    max_bytes: usize,
) -> Result<Option<&str>, AuthErrorKind> {
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    let Some(first) = lines.next() else { return Ok(None) };
    if let Some(second) = lines.next() {
        // Authorization is a singleton (RFC 9110 §5.3): lines are never joined by a comma
        let any = [first, second].into_iter().chain(lines).any(is_bearer);
        return if any { Err(AuthErrorKind::DuplicateCredential) } else { Ok(None) };
    }
    if !is_bearer(first) {
        return Ok(None);
    }
    let rest = &first.as_bytes()[SCHEME.len()..];
    let Some(token) = rest.strip_prefix(b" ").map(trim_spaces) else {
        return Err(if rest.is_empty() {
            AuthErrorKind::EmptyCredential
        } else {
            AuthErrorKind::MalformedCredential
        });
    };
    if token.is_empty() {
        return Err(AuthErrorKind::EmptyCredential);
    }
    if token.len() > max_bytes {
        return Err(AuthErrorKind::TokenTooLong);
    }
    if is_token68(token)
        && !PLACEHOLDERS.contains(&token)
        && let Ok(token) = str::from_utf8(token)
    {
        return Ok(Some(token));
    }
    Err(what_is_wrong(token))
}

/// Nothing was found, but the header's value looks like a token without its scheme.
pub(crate) fn looks_like_a_bare_token(headers: &HeaderMap) -> bool {
    headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes).is_some_and(|value| {
        value.len() > 30 && is_token68(value) && value.iter().filter(|b| **b == b'.').count() >= 2
    })
}

/// `Bearer`, alone or followed by something that cannot belong to a longer scheme name.
fn is_bearer(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    match bytes.split_at_checked(SCHEME.len()) {
        Some((scheme, rest)) => {
            scheme.eq_ignore_ascii_case(SCHEME) && matches!(rest.first(), None | Some(b' ' | b'\t'))
        }
        None => false,
    }
}

/// RFC 6750 §2.1: `b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`.
fn is_token68(token: &[u8]) -> bool {
    let text = match token.iter().rposition(|b| *b != b'=') {
        Some(last) => &token[..=last],
        None => return false,
    };
    text.chunks(64).all(|chunk| {
        // branch-free, so that the compiler looks at many bytes at a time
        chunk.iter().fold(true, |all, byte| {
            let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
            let digit = byte.wrapping_sub(b'-') < 13; // also - . /, which stand before the digits
            all & (letter | digit | (*byte == b'_') | (*byte == b'~') | (*byte == b'+'))
        })
    })
}

/// Only for a token that is refused anyway: which line helps the operator most.
fn what_is_wrong(token: &[u8]) -> AuthErrorKind {
    let starts_with_scheme =
        |text: &[u8]| text.get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"bearer "));
    if PLACEHOLDERS.contains(&token) || matches!(token, [b'{', .., b'}'] | [b'<', .., b'>']) {
        AuthErrorKind::PlaceholderToken
    } else if token.starts_with(b"\"") {
        AuthErrorKind::QuotedToken
    } else if starts_with_scheme(token) {
        AuthErrorKind::DoubledPrefix
    } else if token.split(|b| *b == b',').skip(1).any(|part| starts_with_scheme(trim_spaces(part)))
    {
        AuthErrorKind::DuplicateCredential
    } else {
        AuthErrorKind::IllegalCharacter
    }
}

fn trim_spaces(mut text: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] | [rest @ .., b' '] = text {
        text = rest;
    }
    text
}

const SCHEME: &[u8] = b"Bearer";
const PLACEHOLDERS: &[&[u8]] = &[b"undefined", b"null", b"[object Object]"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_of_the_characters_of_rfc_6750() {
        const LEGAL: &[u8] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/";
        for byte in 0..=u8::MAX {
            for place in [0, 63, 64, 99] {
                let mut token = [b'a'; 100];
                token[place] = byte;
                // padding stands at the end only
                let legal = LEGAL.contains(&byte) || (byte == b'=' && place == 99);
                assert_eq!(is_token68(&token), legal, "{byte:#x} at {place}");
            }
        }
        assert!(!is_token68(b"") && !is_token68(b"=="));
    }

    #[test]
    fn a_second_line_counts_only_beside_a_bearer_line() {
        for (lines, expected) in [
            (&["Basic eA==", "Basic eQ=="][..], Ok(None)),
            (&["Basic eA==", "bearer t"], Err(AuthErrorKind::DuplicateCredential)),
            (&["Bearer t", "DPoP t"], Err(AuthErrorKind::DuplicateCredential)),
            (&["Bearer t"], Ok(Some("t"))),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::AUTHORIZATION, HeaderValue::from_static(line));
            }
            assert_eq!(bearer_token(&headers, 100), expected, "{lines:?}");
        }
    }
}
