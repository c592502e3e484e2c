//! The scenario table, the API: groups C to I, M and Q, and of N the clients of a bearer API.

use http::{HeaderValue, Response, StatusCode};
use portcullis::AuthErrorKind::{
    BadSignature, DuplicateCredential, EmptyCredential, Expired, HiddenScheme, Inactive,
    IssuerUnreachable, MissingRole, MissingScope, NoCredential, PlaceholderToken, TicketExpired,
};
use portcullis::Cookies;
use portcullis::rejection::ChallengeWith;

use crate::support::fixed::{
    Body, NO_STORE, W0, WI, WI_EXPIRED, WI_PLACEHOLDER, WR_DUPLICATE, WR_EMPTY, ok,
};
use crate::support::scenario::{
    Expected, PASSED, Scenario, grpc, login, masked, play, refused, row,
};
use crate::support::session::WC;
use crate::support::site::{
    API, COOKIE_API, EITHER_API, NAMED, NOBODY_API, PUBLIC_API, PUBLIC_PAGE, ROLE_API, SCOPE_API,
};

chapter! {
    async fn group_c_bearer_alone;
    async fn group_d_everything_suppressed;
    async fn group_e_cookie_alone;
    async fn group_f_either;
    async fn group_g_suppression_forgotten;
    async fn group_h_a_public_route;
    async fn group_i_role_and_scope;
    async fn group_m_introspection;
    async fn group_n_other_clients;
    async fn group_q_a_401_of_the_handler;
}

/// A 401 has the cookie's challenge only where nothing else can challenge.
const READING_5: &str = "reading 5: no Wc beside a bearer challenge";

const NOTHING_SENT: Expected = refused(401, &[W0], NoCredential);

#[rustfmt::skip]
const C: &[Scenario] = &[
    row("row-22", API, "abs abs api", "∅", NOTHING_SENT),
    row("row-23", API, "abs abs nav", "∅", NOTHING_SENT),
    row("row-24", API, "abs abs xhr", "∅", NOTHING_SENT),
    row("row-25", API, "abs ok api", "{B}", PASSED),
    row("row-26", API, "abs ok xhr", "{B}", PASSED),
    row("row-27 6750-37", API, "abs exp api", "∅", refused(401, &[WI_EXPIRED], Expired)),
    row("row-28", API, "abs bad api", "∅", refused(401, &[WI], BadSignature)),
    row("row-29", API, "abs undef xhr", "∅", refused(401, &[WI_PLACEHOLDER], PlaceholderToken)),
    row("row-30", API, "abs empty api", "∅", refused(400, &[WR_EMPTY], EmptyCredential)),
    row("row-31", API, "abs dup api", "∅", refused(400, &[WR_DUPLICATE], DuplicateCredential)),
    row("row-32", API, "abs basic api", "∅", NOTHING_SENT),
    row("row-33", API, "new abs xhr", "∅", NOTHING_SENT),
    row("row-34", API, "new abs nav", "∅", NOTHING_SENT),
    row("row-35", API, "new ok xhr", "{B}", PASSED),
    row("row-36", API, "new exp xhr", "∅", refused(401, &[WI_EXPIRED], Expired)),
    row("row-37", API, "new bad xhr", "∅", refused(401, &[WI], BadSignature)),
    row("row-38", API, "old ok xhr", "{B}", PASSED.renewed()),
    row("row-39", API, "old abs xhr", "∅", NOTHING_SENT.renewed()),
    row("row-40", API, "exp ok xhr", "{B}", PASSED),
    row("row-41", API, "bad ok xhr", "{B}", PASSED),
    row("row-42", API, "rej ok xhr", "{B}", PASSED.cleared()),
];

async fn group_c_bearer_alone() {
    play(C).await;
}

/// A suppression is a value of its own, and the requirement inside is found at run time.
const READING_2: &str = "reading 2: 500, wiring";

#[rustfmt::skip]
const D: &[Scenario] = &[
    row("row-43", NOBODY_API, "abs ok api", "", refused(500, &[], HiddenScheme)).unasked().decided_by(READING_2),
    row("row-44", NOBODY_API, "new ok xhr", "", refused(500, &[], HiddenScheme)).unasked().decided_by(READING_2),
    row("row-45", PUBLIC_PAGE, "new ok xhr", "∅", PASSED),
];

async fn group_d_everything_suppressed() {
    play(D).await;
}

#[rustfmt::skip]
const E: &[Scenario] = &[
    row("row-46", COOKIE_API, "abs abs nav", "∅", login(NoCredential)),
    row("row-47", COOKIE_API, "abs abs xhr", "∅", refused(401, &[WC], NoCredential).naming_the_login()).katana(masked(NoCredential)),
    row("row-48", COOKIE_API, "abs abs api", "∅", refused(401, &[WC], NoCredential)).katana(login(NoCredential)),
    row("row-49", COOKIE_API, "new abs xhr", "{C}", PASSED),
    row("row-50", COOKIE_API, "new ok xhr", "{C}", PASSED),
    row("row-51", COOKIE_API, "abs ok api", "∅", refused(401, &[WC], NoCredential)).katana(login(NoCredential)),
    row("row-52", COOKIE_API, "old abs xhr", "{C}", PASSED.renewed()),
    row("row-53", COOKIE_API, "exp ok xhr", "∅", refused(401, &[WC], TicketExpired).naming_the_login()).katana(masked(TicketExpired)),
];

async fn group_e_cookie_alone() {
    play(E).await;
}

#[rustfmt::skip]
const F: &[Scenario] = &[
    row("row-54", EITHER_API, "abs abs api", "∅", NOTHING_SENT).decided_by(READING_5).katana(login(NoCredential)),
    row("row-55", EITHER_API, "abs abs nav", "∅", login(NoCredential)),
    row("row-56", EITHER_API, "abs abs xhr", "∅", NOTHING_SENT.naming_the_login()).decided_by(READING_5).katana(masked(NoCredential)),
    row("row-57", EITHER_API, "new abs xhr", "{C}", PASSED),
    row("row-58", EITHER_API, "abs ok api", "{B}", PASSED),
    row("row-59", EITHER_API, "new ok xhr", "{B,C}", PASSED),
    row("row-60", EITHER_API, "new exp xhr", "{C}", PASSED),
    row("row-61", EITHER_API, "exp ok xhr", "{B}", PASSED),
    row("row-62", EITHER_API, "abs bad api", "∅", refused(401, &[WI], BadSignature)).decided_by(READING_5).katana(login(BadSignature)),
    row("row-63", EITHER_API, "abs dup api", "∅", refused(400, &[WR_DUPLICATE], DuplicateCredential)),
    row("row-64", EITHER_API, "new dup xhr", "{C}", refused(400, &[WR_DUPLICATE], DuplicateCredential)),
];

async fn group_f_either() {
    play(F).await;
}

#[rustfmt::skip]
const G: &[Scenario] = &[
    row("row-65", NAMED, "new abs xhr", "∅", NOTHING_SENT),
    row("row-66", NAMED, "new ok xhr", "{B}", PASSED),
    row("row-67", NAMED, "new exp xhr", "∅", refused(401, &[WI_EXPIRED], Expired)),
    row("row-68", NAMED, "abs abs nav", "∅", NOTHING_SENT),
    row("row-69", NAMED, "abs exp api", "∅", refused(401, &[WI_EXPIRED], Expired)),
];

async fn group_g_suppression_forgotten() {
    play(G).await;
}

#[rustfmt::skip]
const H: &[Scenario] = &[
    row("row-70", PUBLIC_API, "abs abs api", "∅", PASSED),
    row("row-71", PUBLIC_API, "abs ok api", "{B}", PASSED),
    row("row-72", PUBLIC_API, "abs exp api", "∅", PASSED),
    row("row-73", PUBLIC_API, "new abs xhr", "∅", PASSED),
    row("row-74", PUBLIC_API, "abs dup api", "∅", PASSED),
];

async fn group_h_a_public_route() {
    play(H).await;
}

const WS: &str =
    r#"www-authenticate: Bearer realm="api", error="insufficient_scope", scope="orders:write""#;

#[rustfmt::skip]
const I: &[Scenario] = &[
    row("row-75", ROLE_API, "abs abs api", "∅", NOTHING_SENT),
    row("row-76", ROLE_API, "abs ok api", "{B}", PASSED),
    row("row-77 3.0-refused-otherwise", ROLE_API, "abs lowrole api", "{B}", refused(403, &[], MissingRole)),
    row("row-78", ROLE_API, "abs exp api", "∅", refused(401, &[WI_EXPIRED], Expired)),
    row("row-79", SCOPE_API, "abs lowrole api", "{B}", refused(403, &[WS], MissingScope)),
];

async fn group_i_role_and_scope() {
    play(I).await;
}

#[rustfmt::skip]
const M: &[Scenario] = &[
    row("row-108 3.0-undecidable", API.introspected(), "abs down api", "∅", refused(503, &[], IssuerUnreachable)),
    row("row-109 6750-38", API.introspected(), "abs bad api", "∅", refused(401, &[WI], Inactive)),
    row("row-110", API.introspected(), "abs abs api", "∅", NOTHING_SENT),
    row("row-111", PUBLIC_API.introspected(), "abs down api", "∅", PASSED),
];

async fn group_m_introspection() {
    play(M).await;
}

const GRPC: &str = "content-type: application/grpc";
const SWITCHED: Expected =
    Expected { status: 101, others: &["connection: Upgrade", "upgrade: websocket"], ..PASSED };

#[rustfmt::skip]
const N: &[Scenario] = &[
    row("row-116", API, "abs abs grpc", "∅", grpc(&[NO_STORE, GRPC, "grpc-message: no credential was sent", "grpc-status: 16"], NoCredential)),
    row("row-117", API, "abs exp grpc", "∅", grpc(&[NO_STORE, GRPC, "grpc-message: the access token expired", "grpc-status: 16"], Expired)),
    row("row-118", API, "abs ok grpc", "{B}", PASSED),
    row("row-119", ROLE_API, "abs lowrole grpc", "{B}", grpc(&[NO_STORE, GRPC, "grpc-message: the caller may not do this", "grpc-status: 7"], MissingRole)),
    row("row-120", API, "abs down grpc", "∅", grpc(&[NO_STORE, GRPC, "grpc-message: the credential cannot be checked at the moment", "grpc-status: 14"], IssuerUnreachable)),
    row("row-121 HTTP-15", API, "abs abs upgrade", "∅", NOTHING_SENT),
    row("row-122", API, "abs ok upgrade", "{B}", SWITCHED).handler(switching),
];

async fn group_n_other_clients() {
    play(N).await;
}

const CHALLENGED: Expected = Expected { ran: true, ..NOTHING_SENT };
const OWN_401: Expected = Expected { status: 401, challenges: &[OWN], ..PASSED };
const OWN_403: Expected = Expected { status: 403, ..PASSED };
const OWN: &str = r#"www-authenticate: X realm="own""#;

/// What the handler says about its own answer stands, also about caching.
const R17: &str = "R17: no `no-store` where the handler's own answer is not altered";

#[rustfmt::skip]
const Q: &[Scenario] = &[
    row("row-130 9110-02", API, "abs ok api", "{B}", CHALLENGED).handler(bare_401),
    row("row-131 9110-02 9110-07", API, "abs ok api", "{B}", OWN_401).handler(own_401).decided_by(R17),
    row("row-132", API, "abs ok api", "{B}", CHALLENGED).handler(sign_in_please).decided_by(READING_5).katana(Expected { ran: true, ..login(NoCredential) }),
    row("row-133", PUBLIC_API, "new abs nav", "∅", Expected { ran: true, ..login(NoCredential) }).handler(sign_in_please),
    row("row-134", API, "abs ok api", "{B}", OWN_403).handler(bare_403).decided_by(R17),
];

async fn group_q_a_401_of_the_handler() {
    play(Q).await;
}

fn switching() -> Response<Body> {
    let mut response = status(StatusCode::SWITCHING_PROTOCOLS);
    response.headers_mut().insert("connection", HeaderValue::from_static("Upgrade"));
    response.headers_mut().insert("upgrade", HeaderValue::from_static("websocket"));
    response
}

fn bare_401() -> Response<Body> {
    status(StatusCode::UNAUTHORIZED)
}

fn own_401() -> Response<Body> {
    let mut response = bare_401();
    let challenge = HeaderValue::from_static("X realm=\"own\"");
    response.headers_mut().insert("www-authenticate", challenge);
    response
}

fn bare_403() -> Response<Body> {
    status(StatusCode::FORBIDDEN)
}

/// A 401 that asks for the cookie, beside what the route asks for.
fn sign_in_please() -> Response<Body> {
    let mut response = bare_401();
    response.extensions_mut().insert(ChallengeWith::new((Cookies,)));
    response
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = ok();
    *response.status_mut() = status;
    response
}
