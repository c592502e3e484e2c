//! Answers that depend on a credential say so (RFC 9110 §12.5.5).

use http::{HeaderMap, HeaderValue, header};

/// Adds the name of a request header to `Vary`, unless it stands there already. Lines of the inner
/// service stay as they are.
pub(super) fn vary_by(name: &'static str, headers: &mut HeaderMap) {
    let told = headers.get_all(header::VARY).iter().any(|line| {
        line.as_bytes().split(|byte| *byte == b',').any(|field| {
            let field = field.trim_ascii();
            field == b"*" || field.eq_ignore_ascii_case(name.as_bytes())
        })
    });
    if !told {
        headers.append(header::VARY, HeaderValue::from_static(name));
    }
}
