//! What ends a session: time, a logout, a revocation, a new key.

use std::convert::Infallible;
use std::sync::Arc;

use http::{HeaderMap, Request, Response};
use portcullis::AuthErrorKind::{self, SessionGone, TicketExpired, TicketUndecryptable};
use portcullis::ticket::aspnet::{FormsTickets, MachineKey};
use portcullis::ticket::{
    InMemorySessions, SessionKey, Sessions, StoredTicket, Ticket, TicketValidator,
};
use portcullis::token::{InMemoryRevocations, TokenValidator};
use portcullis::{Attempt, AuthError, Clock as _, TicketAuth, UnixTime};
use tower::{Layer, ServiceExt as _, service_fn};

use super::ledger;
use crate::support::ticket_stand::{COOKIE, DAY, MINUTE, Stand, judged, parts, signed_in, status};

chapter! {
    async fn sliding_has_an_end;
    async fn a_ticket_after_the_logout;
    async fn a_session_that_the_browser_brought;
    async fn a_revocation_within_the_request;
    async fn a_revoked_session;
    async fn a_session_does_not_come_back;
    async fn a_session_is_found_by_a_hash;
    async fn rotation_writes_with_the_new_key;
}

/// Thirty days of requests, one each day.
async fn sliding_has_an_end() {
    let stand = Stand::new();
    let limited = stand.katana().max_lifetime(20 * DAY);
    let mut text = stand.katana_ticket().build(); // 14 days
    let (mut days, mut renewals) = (0, 0);
    while let Ok(identity) = judged(&limited, &text).await {
        if let Some(renewed) = limited.renew(&identity) {
            text = String::from_utf8(renewed.text.expose().to_vec()).unwrap();
            renewals += 1;
        }
        stand.clock.advance(DAY);
        days += 1;
        assert!(days <= 30, "it slides for ever");
    }
    assert_eq!((days, renewals > 0), (21, true), "{renewals}");

    // without a limit it slides on, and only while it is good
    let free = stand.katana();
    let text = stand.katana_ticket().build();
    stand.clock.advance(8 * DAY);
    let identity = judged(&free, &text).await.unwrap();
    assert!(free.renew(&identity).is_some());
    stand.clock.advance(7 * DAY);
    assert!(free.renew(&identity).is_none(), "an expired ticket is not renewed");
    assert_eq!(judged(&free, &text).await, Err(TicketExpired));
    ledger::passed("TKT-18 6265-11");
}

/// A copy of a ticket, sent after its owner signed out.
async fn a_ticket_after_the_logout() {
    let stand = Stand::new();
    let revocations = Arc::new(InMemoryRevocations::default());
    let auth = TicketAuth::new(".ASPXAUTH", stand.forms()).unwrap();
    let auth = auth.revocations(revocations.clone()).unwrap();
    let copy = stand.mint.forms("alice").build();
    let (request, mut answer) = (parts(&copy, ".ASPXAUTH"), HeaderMap::new());
    auth.sign_out(&request).await.unwrap().write(&mut answer);
    assert!(answer["set-cookie"].to_str().unwrap().starts_with(".ASPXAUTH=; "));
    assert_eq!(status(&auth, &copy, ".ASPXAUTH").await, (200, None), "stateless, as documented");
    stand.clock.advance(MINUTE);
    revocations.revoke_subject("LOCAL AUTHORITY", "alice", stand.clock.now(), UnixTime::MAX);
    let refused = (401, Some(AuthErrorKind::Revoked));
    assert_eq!(status(&auth, &copy, ".ASPXAUTH").await, refused);
    ledger::passed("TKT-19");

    // with a store the session is over
    let sessions = Arc::new(InMemorySessions::default());
    let tickets = stand.katana().lifetime(10 * MINUTE).sessions(sessions).unwrap();
    let auth = TicketAuth::new(COOKIE, tickets).unwrap();
    let copy = signed_in(&auth).await;
    assert_eq!(status(&auth, &copy, COOKIE).await, (200, None));
    let request = parts(&copy, COOKIE);
    let identity = judged(&stand.katana().sessions(Arc::new(Empty)).unwrap(), &copy).await;
    assert_eq!(identity, Err(SessionGone), "another store knows nothing of it");
    auth.sign_out(&request).await.unwrap().write(&mut answer);
    assert_eq!(status(&auth, &copy, COOKIE).await, (401, Some(SessionGone)));
    ledger::passed("CK-07");
}

/// A store that holds nothing.
#[derive(Debug)]
struct Empty;

impl Sessions for Empty {
    fn store(&self, _: Ticket) -> Attempt<Result<SessionKey, AuthError>> {
        Attempt::ready(Ok(SessionKey::random()))
    }

    fn retrieve(&self, _: &SessionKey) -> Attempt<Result<Option<StoredTicket>, AuthError>> {
        Attempt::ready(Ok(None))
    }

    fn renew(&self, _: &SessionKey, _: u64, _: Ticket) -> Attempt<Result<bool, AuthError>> {
        Attempt::ready(Ok(false))
    }

    fn remove(&self, _: &SessionKey) -> Attempt<Result<(), AuthError>> {
        Attempt::ready(Ok(()))
    }
}

/// A handler that ends every session of a user does not get the user a new one.
async fn a_revocation_within_the_request() {
    let stand = Stand::new();
    let revocations = Arc::new(InMemoryRevocations::default());
    let auth = TicketAuth::new(".ASPXAUTH", stand.forms()).unwrap();
    let auth = auth.revocations(revocations.clone()).unwrap();
    let text = stand.mint.forms("alice").build();
    stand.clock.advance(20 * MINUTE); // a renewal is due
    for (revokes, cookies) in [(false, 1), (true, 0)] {
        let (revocations, now) = (revocations.clone(), stand.clock.now());
        let handler = service_fn(move |_: Request<()>| {
            if revokes {
                revocations.revoke_subject("LOCAL AUTHORITY", "alice", now, UnixTime::MAX);
            }
            async { Ok::<_, Infallible>(Response::new(())) }
        });
        let request = Request::from_parts(parts(&text, ".ASPXAUTH"), ());
        let response = auth.layer(handler).oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers().get_all("set-cookie").iter().count(), cookies, "{revokes}");
    }
    assert_eq!(status(&auth, &text, ".ASPXAUTH").await, (401, Some(AuthErrorKind::Revoked)));
    ledger::passed("TKT-19");
}

/// A store in which somebody signs out while a request looks.
#[derive(Debug)]
struct SignsOutInBetween(InMemorySessions);

impl Sessions for SignsOutInBetween {
    fn store(&self, ticket: Ticket) -> Attempt<Result<SessionKey, AuthError>> {
        self.0.store(ticket)
    }

    fn retrieve(&self, key: &SessionKey) -> Attempt<Result<Option<StoredTicket>, AuthError>> {
        let found = self.0.retrieve(key);
        self.0.remove(key).into_ready().unwrap().unwrap();
        found
    }

    fn renew(
        &self,
        key: &SessionKey,
        version: u64,
        ticket: Ticket,
    ) -> Attempt<Result<bool, AuthError>> {
        self.0.renew(key, version, ticket)
    }

    fn remove(&self, key: &SessionKey) -> Attempt<Result<(), AuthError>> {
        self.0.remove(key)
    }
}

/// A renewal that was under way does not bring a session back.
async fn a_session_does_not_come_back() {
    let stand = Stand::new();
    let store = Arc::new(SignsOutInBetween(InMemorySessions::default()));
    let tickets = stand.katana().lifetime(10 * MINUTE).sessions(store.clone()).unwrap();
    let auth = TicketAuth::new(COOKIE, tickets).unwrap();
    let cookie = signed_in(&auth).await;
    stand.clock.advance(6 * MINUTE); // a renewal is due
    assert_eq!(status(&auth, &cookie, COOKIE).await, (401, Some(SessionGone)));
    assert_eq!(status(&auth, &cookie, COOKIE).await, (401, Some(SessionGone)));
    ledger::passed("CK-08");
}

/// A store looks a session up by what tells nobody the key.
async fn a_session_is_found_by_a_hash() {
    let key = SessionKey::from("abc");
    // FIPS 180-2, appendix B.1
    assert_eq!(key.digest()[..4], [0xba, 0x78, 0x16, 0xbf]);
    // nor does the store itself take one for the other
    let memory = InMemorySessions::default();
    let key = memory.store(Ticket::new("Cookies", "alice")).into_ready().unwrap().unwrap();
    let digest: String = key.digest().iter().map(|byte| format!("{byte:02x}")).collect();
    for (text, is_found) in [(key.as_str(), true), (&*digest, false), (&key.as_str()[1..], false)] {
        let found = memory.retrieve(&SessionKey::from(text)).into_ready().unwrap().unwrap();
        assert_eq!(found.is_some(), is_found);
    }
    let room = include_str!("../../src/ticket/sessions.rs");
    assert!(room.contains("pub struct InMemorySessions(Cache<[u8; 32], Arc<StoredTicket>>)"));
    assert!(!format!("{memory:?} {key:?}").contains(key.as_str()));
    ledger::passed("CK-15");
}

async fn rotation_writes_with_the_new_key() {
    let stand = Stand::new();
    let old = stand.mint.machine_key();
    let new = MachineKey::from_hex(&"11".repeat(64), &"22".repeat(32)).unwrap();
    let format = FormsTickets::new(new.clone()).unwrap().also_accept(old).unwrap();
    let both = TicketValidator::new(format).clock(Arc::new(stand.clock.clone()));
    let text = stand.mint.forms("alice").build();
    stand.clock.advance(15 * MINUTE);
    let identity = judged(&both, &text).await.unwrap();
    let renewed = both.renew(&identity).unwrap();
    let renewed = str::from_utf8(renewed.text.expose()).unwrap();
    assert_eq!(judged(&stand.forms(), renewed).await, Err(TicketUndecryptable));
    let only_new = TicketValidator::new(FormsTickets::new(new).unwrap());
    let only_new = only_new.clock(Arc::new(stand.clock.clone()));
    assert_eq!(judged(&only_new, renewed).await.unwrap().subject(), Some("alice"));
    assert_eq!(judged(&only_new, &text).await, Err(TicketUndecryptable));
    ledger::passed("6265-17");
}

/// A session that was due to slide when it was refused is refused for ever, also when the revocation
/// is forgotten after the session's whole life.
async fn a_revoked_session() {
    let stand = Stand::new();
    let revocations = Arc::new(InMemoryRevocations::default());
    let store = Arc::new(InMemorySessions::default());
    let tickets = stand.katana().lifetime(30 * MINUTE).sessions(store).unwrap();
    let auth = TicketAuth::new(COOKIE, tickets).unwrap();
    let auth = auth.revocations(Arc::clone(&revocations)).unwrap();
    let stolen = signed_in(&auth).await;
    stand.clock.advance(16 * MINUTE); // it slides
    assert_eq!(status(&auth, &stolen, COOKIE).await, (200, None));
    stand.clock.advance(16 * MINUTE); // it would slide again
    let now = stand.clock.now();
    revocations.revoke_subject("LOCAL AUTHORITY", "alice", now, now + 30 * MINUTE);
    assert_eq!(status(&auth, &stolen, COOKIE).await, (401, Some(AuthErrorKind::Revoked)));
    for _ in 0..5 {
        assert_eq!(status(&auth, &stolen, COOKIE).await.0, 401);
        stand.clock.advance(16 * MINUTE);
        revocations.drop_expired(stand.clock.now());
    }
    let fresh = signed_in(&auth).await;
    assert_eq!(status(&auth, &fresh, COOKIE).await, (200, None));
    ledger::passed("TKT-19");
}

/// A sign-in, and a sign-out by a route without a gate, end the session that the cookie names.
async fn a_session_that_the_browser_brought() {
    let stand = Stand::new();
    let sessions = Arc::new(InMemorySessions::default());
    let tickets = stand.katana().lifetime(10 * MINUTE).sessions(sessions).unwrap();
    let auth = TicketAuth::new(COOKIE, tickets).unwrap();
    let (brought, other) = (signed_in(&auth).await, signed_in(&auth).await);
    let mut answer = HeaderMap::new();
    let alice = Ticket::new("ApplicationCookie", "alice");
    auth.sign_in(&parts(&brought, COOKIE), alice).await.unwrap().write(&mut answer);
    assert_eq!(status(&auth, &brought, COOKIE).await, (401, Some(SessionGone)));
    assert_eq!(status(&auth, &other, COOKIE).await, (200, None));
    auth.sign_out(&parts(&other, COOKIE)).await.unwrap().write(&mut answer);
    assert_eq!(status(&auth, &other, COOKIE).await, (401, Some(SessionGone)));

    // a second cookie of the name, from a host beside this one, does not keep the first one's session
    let (left, replaced) = (signed_in(&auth).await, signed_in(&auth).await);
    let with_another = |own: &str| parts(&format!("tossed; {COOKIE}={own}"), COOKIE);
    auth.sign_out(&with_another(&left)).await.unwrap().write(&mut answer);
    let alice = Ticket::new("ApplicationCookie", "alice");
    auth.sign_in(&with_another(&replaced), alice).await.unwrap().write(&mut answer);
    for ended in [left, replaced] {
        assert_eq!(status(&auth, &ended, COOKIE).await, (401, Some(SessionGone)));
    }
    ledger::passed("CK-06 CK-07");
}
