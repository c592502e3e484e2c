//! Other kinds of token by the same issuer are no access tokens (RFC 8725 §3.11, RFC 9068 §2.1).

use AuthErrorKind::{MalformedJwt, WrongType};
use portcullis::AuthErrorKind;

use super::ledger::{self, Row};
use crate::support::{
    sign::{P256_1, token},
    stand::{Stand, stand},
};

chapter! {
    async fn other_kinds_of_token;
    async fn spellings_of_typ;
    async fn a_missing_type_can_be_tolerated_and_a_wrong_one_not;
}

struct Type {
    id: &'static str,
    /// Raw JSON; empty: no typ.
    typ: &'static str,
    /// Why it is refused, if it is.
    reason: Option<AuthErrorKind>,
}

impl Row for Type {
    fn id(&self) -> &str {
        self.id
    }
}

const fn wrong(id: &'static str, typ: &'static str) -> Type {
    Type { id, typ, reason: Some(WrongType) }
}

const fn right(id: &'static str, typ: &'static str) -> Type {
    Type { id, typ, reason: None }
}

const fn bad(id: &'static str, typ: &'static str) -> Type {
    Type { id, typ, reason: Some(MalformedJwt) }
}

/// The same claims, keys and issuer: only the type tells.
const KINDS: &[Type] = &[
    wrong("KEY-19 8725-18 9068-01", r#""JWT""#),
    wrong("KEY-19 8725-18", r#""jwt""#),
    wrong("KEY-19 8725-18", r#""application/jwt""#),
    wrong("KEY-19 9068-01", ""),
    wrong("KEY-19 8725-20", r#""logout+jwt""#),
    wrong("KEY-19 8725-20", r#""dpop+jwt""#),
    wrong("KEY-19 8725-20", r#""secevent+jwt""#),
    wrong("KEY-19", r#""vp+jwt""#),
    wrong("8725-20", r#""token-introspection+jwt""#),
    wrong("8725-20", r#""statuslist+jwt""#),
    wrong("8725-20", r#""client-authentication+jwt""#),
    wrong("8725-20", r#""entity-statement+jwt""#),
    wrong("8725-20 13.4-refresh-token", r#""rt+jwt""#),
];

async fn other_kinds_of_token() {
    types(KINDS).await;
}

const SPELLINGS: &[Type] = &[
    right("9068-01 7515-21", r#""at+jwt""#),
    right("9068-01 7515-21", r#""application/at+jwt""#),
    right("7515-21", r#""AT+JWT""#),
    right("7515-21", r#""Application/At+Jwt""#),
    right("KEY-20", r#""at\u002bjwt""#),
    wrong("KEY-20", r#""at+jwt; charset=x""#),
    wrong("KEY-20", r#"" at+jwt""#),
    wrong("KEY-20", r#""at+jwt ""#),
    wrong("KEY-20", r#""at+jwt\u0000""#),
    wrong("KEY-20", r#""application/application/at+jwt""#),
    wrong("KEY-20", r#""text/at+jwt""#),
    wrong("KEY-20", r#""/at+jwt""#),
    wrong("KEY-20", r#""at-jwt""#),
    wrong("KEY-20", r#""at jwt""#),
    wrong("KEY-20", r#""xat+jwt""#),
    wrong("KEY-20", r#""at+jwt+jwt""#),
    wrong("KEY-20", r#""""#),
    wrong("KEY-20", "\"\u{ff41}t+jwt\""),
    bad("KEY-20", r#"["at+jwt"]"#),
    bad("KEY-20", "1"),
    bad("KEY-20", "null"),
];

async fn spellings_of_typ() {
    types(SPELLINGS).await;
}

async fn types(rows: &[Type]) {
    let stand = stand();
    ledger::table_async(rows, async |row| {
        let token = match row.typ {
            "" => token().without_header("typ"),
            typ => token().header("typ", typ),
        };
        match row.reason {
            None => assert_eq!(stand.accepts(&token.text()).await.subject(), Some("alice")),
            Some(reason) => assert_eq!(stand.refuses(&token.text(), reason).await.lookups, 0),
        }
    })
    .await;
}

async fn a_missing_type_can_be_tolerated_and_a_wrong_one_not() {
    let stand =
        Stand::with_keys([P256_1.jwk("p256-1", "")], |builder| builder.accept_missing_type());
    stand.accepts(&token().without_header("typ").text()).await;
    stand.accepts(&token().text()).await;
    for typ in [r#""JWT""#, r#""logout+jwt""#, r#""""#, r#""dpop+jwt""#] {
        stand.refuses(&token().header("typ", typ).text(), WrongType).await;
    }
    ledger::passed("8725-19");
}
