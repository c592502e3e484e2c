//! The scenario table, both at once: groups J and S.

use portcullis::AuthErrorKind::{
    BadSignature, DuplicateCredential, Expired, IssuerUnreachable, NoCredential, PlaceholderToken,
    StampMismatch, SubjectMismatch, TicketExpired, TicketUndecryptable,
};

use crate::support::fixed::{W0, WI, WI_EXPIRED, WI_PLACEHOLDER, WR_DUPLICATE};
use crate::support::scenario::{PASSED, Scenario, play, refused, row};
use crate::support::session::WC;
use crate::support::site::BOTH;

chapter! {
    async fn group_j_both;
    async fn group_s_the_issuer_is_down;
}

/// A 401 has the cookie's challenge only where nothing else can challenge.
const READING_5: &str = "reading 5: no Wc beside a bearer challenge";

const TOKEN: &[&str] = &["token"];
const SESSION: &[&str] = &["session"];
const EACH: &[&str] = &["token", "session"];

#[rustfmt::skip]
const J: &[Scenario] = &[
    row("row-81", BOTH, "abs abs xhr", "∅", refused(401, &[W0], NoCredential).missing(EACH)).decided_by(READING_5),
    row("row-82", BOTH, "new abs xhr", "{C}", refused(401, &[W0], NoCredential).missing(TOKEN)),
    row("row-83", BOTH, "new undef xhr", "{C}", refused(401, &[WI_PLACEHOLDER], PlaceholderToken).missing(TOKEN)),
    row("row-84", BOTH, "new ok xhr", "{B,C}", PASSED),
    row("row-85", BOTH, "old ok xhr", "{B,C}", PASSED.renewed()),
    row("row-86", BOTH, "abs ok xhr", "{B}", refused(401, &[WC], NoCredential).missing(SESSION)),
    row("row-87", BOTH, "exp ok xhr", "{B}", refused(401, &[WC], TicketExpired).missing(SESSION)),
    row("row-88", BOTH, "bad ok xhr", "{B}", refused(401, &[WC], TicketUndecryptable).missing(SESSION)),
    row("row-89", BOTH, "bad abs xhr", "∅", refused(401, &[W0], TicketUndecryptable).missing(EACH)).decided_by(READING_5),
    row("row-90", BOTH, "new exp xhr", "{C}", refused(401, &[WI_EXPIRED], Expired).missing(TOKEN)),
    row("row-91", BOTH, "new bad xhr", "{C}", refused(401, &[WI], BadSignature).missing(TOKEN)),
    row("row-92", BOTH, "exp exp xhr", "∅", refused(401, &[WI_EXPIRED], Expired).missing(EACH)).decided_by(READING_5),
    row("row-93", BOTH, "new dup xhr", "{C}", refused(400, &[WR_DUPLICATE], DuplicateCredential)),
    row("row-94", BOTH, "abs ok nav", "{B}", refused(401, &[WC], NoCredential).missing(SESSION)),
    row("row-95", BOTH, "abs ok api", "{B}", refused(401, &[WC], NoCredential).missing(SESSION)),
    row("row-96", BOTH, "rej ok xhr", "{B}", refused(401, &[WC], StampMismatch).missing(SESSION).cleared()),
    row("row-97", BOTH, "new other xhr", "{B,C}", refused(401, &[WI], SubjectMismatch)),
];

async fn group_j_both() {
    play(J).await;
}

#[rustfmt::skip]
const S: &[Scenario] = &[
    row("row-137", BOTH.introspected(), "new down xhr", "{C}", refused(503, &[], IssuerUnreachable)),
    row("row-138", BOTH.introspected(), "abs down xhr", "∅", refused(401, &[WC], NoCredential).missing(SESSION)),
];

async fn group_s_the_issuer_is_down() {
    play(S).await;
}
