//! The scenario table, pages: groups A and B, and of N the clients that are no browser window.

use portcullis::AuthErrorKind::{
    BadSignature, DuplicateCredential, Expired, MissingRole, NoCredential, StampMismatch,
    TicketExpired, TicketUndecryptable,
};

use crate::support::fixed::{W0, WI, WI_EXPIRED, WR_DUPLICATE};
use crate::support::scenario::{Expected, PASSED, Scenario, login, masked, play, refused, row};
use crate::support::session::WC;
use crate::support::site::{COOKIE_API, PAGE, ROLE_PAGE};

chapter! {
    async fn group_a_a_page;
    async fn group_b_an_api_without_suppression;
    async fn group_i_a_page_that_demands_a_role;
    async fn group_n_other_clients;
}

/// A 401 has the cookie's challenge only where nothing else can challenge.
const READING_5: &str = "reading 5: no Wc beside a bearer challenge";

#[rustfmt::skip]
const A: &[Scenario] = &[
    row("row-1", PAGE, "abs abs nav", "∅", login(NoCredential)),
    row("row-2", PAGE, "abs abs xhr", "∅", refused(401, &[W0], NoCredential).naming_the_login()).decided_by(READING_5).katana(masked(NoCredential)),
    row("row-3", PAGE, "abs abs api", "∅", refused(401, &[W0], NoCredential)).decided_by(READING_5).katana(login(NoCredential)),
    row("row-4", PAGE, "new abs nav", "{C}", PASSED),
    row("row-5", PAGE, "old abs nav", "{C}", PASSED.renewed()),
    row("row-6", PAGE, "exp abs nav", "∅", login(TicketExpired)),
    row("row-7", PAGE, "bad abs nav", "∅", login(TicketUndecryptable)),
    row("row-8", PAGE, "rej abs nav", "∅", login(StampMismatch).cleared()),
    row("row-9", PAGE, "abs ok api", "{B}", PASSED),
    row("row-10", PAGE, "new ok api", "{B,C}", PASSED),
    row("row-11", PAGE, "old ok api", "{B,C}", PASSED.renewed()),
    row("row-12", PAGE, "abs exp api", "∅", refused(401, &[WI_EXPIRED], Expired)).decided_by(READING_5).katana(login(Expired)),
    row("row-13", PAGE, "abs bad xhr", "∅", refused(401, &[WI], BadSignature).naming_the_login()).decided_by(READING_5).katana(masked(BadSignature)),
    row("row-14", PAGE, "new bad nav", "{C}", PASSED),
];

async fn group_a_a_page() {
    play(A).await;
}

#[rustfmt::skip]
const B: &[Scenario] = &[
    row("row-15", PAGE, "abs abs api", "∅", refused(401, &[W0], NoCredential)).decided_by(READING_5).katana(login(NoCredential)),
    row("row-16", PAGE, "abs abs xhr", "∅", refused(401, &[W0], NoCredential).naming_the_login()).decided_by(READING_5).katana(masked(NoCredential)),
    row("row-17", PAGE, "new abs xhr", "{C}", PASSED),
    row("row-18", PAGE, "new ok api", "{B,C}", PASSED),
    row("row-19", PAGE, "abs ok api", "{B}", PASSED),
    row("row-20", PAGE, "abs exp api", "∅", refused(401, &[WI_EXPIRED], Expired)).decided_by(READING_5).katana(login(Expired)),
    row("row-21", PAGE, "abs dup api", "∅", refused(400, &[WR_DUPLICATE], DuplicateCredential)),
];

async fn group_b_an_api_without_suppression() {
    play(B).await;
}

/// Somebody is signed in and lacks the role: elsewhere than to the login, where they would only come
/// back from.
const DENIED: Expected =
    Expected { location: Some("https://app.test/denied"), ..refused(302, &[], MissingRole) };

const I: &[Scenario] = &[row("row-80", ROLE_PAGE, "new abs nav", "{C}", DENIED)];

async fn group_i_a_page_that_demands_a_role() {
    play(I).await;
}

const LOGIN_WITHOUT_RETURN: Expected =
    Expected { location: Some("https://app.test/login"), ..login(NoCredential) };

#[rustfmt::skip]
const N: &[Scenario] = &[
    row("row-112", PAGE, "abs abs fetch", "∅", refused(401, &[W0], NoCredential).naming_the_login()).decided_by(READING_5).katana(login(NoCredential)),
    row("row-113", COOKIE_API, "abs abs fetch", "∅", refused(401, &[WC], NoCredential).naming_the_login()).katana(login(NoCredential)),
    row("row-114", COOKIE_API, "abs abs post", "∅", LOGIN_WITHOUT_RETURN).katana(login(NoCredential)),
    row("row-115", COOKIE_API, "abs abs head", "∅", login(NoCredential)),
];

async fn group_n_other_clients() {
    play(N).await;
}
