//! What a stranger, or somebody who holds a key, can send in place of a ticket.

use std::convert::Infallible;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Request, Response};
use portcullis::AuthErrorKind::{
    self, Expired, SessionGone, TicketExpired, TicketMalformed, TicketUndecryptable, TokenTooLong,
};
use portcullis::policy::PolicyExt;
use portcullis::testing::{ManualClock, TicketBuilder, TicketMint};
use portcullis::ticket::aspnet::{FormsTickets, KatanaCookie, MachineKey};
use portcullis::ticket::{
    InMemorySessions, SessionKey, Sessions, Ticket, TicketFormat, TicketValidator,
};
use portcullis::token::{Cached, InMemoryRevocations, Presented, TokenValidator};
use portcullis::{
    Attempt, AuthError, AuthenticateLayer, Bearer, Clock as _, Cookies, Identity, Rejection,
    Scheme, TicketAuth, UnixTime, policy,
};
use tower::{Layer, ServiceExt as _, service_fn};

use super::ledger::{self, Row};
use crate::support::fixed::Fixed;

chapter! {
    async fn behind_a_valid_mac;
    async fn names_are_whole;
    async fn times;
    async fn sliding_has_an_end;
    async fn a_ticket_after_the_logout;
    async fn a_session_that_the_browser_brought;
    async fn a_revocation_within_the_request;
    async fn a_session_does_not_come_back;
    async fn a_session_is_found_by_a_hash;
    async fn two_spellings_of_one_ticket;
    async fn what_no_policy_reads;
    async fn no_key_is_no_fallback;
    async fn a_cookie_of_another_application;
    async fn causes_look_alike;
    async fn fields_of_each_family;
    async fn a_bad_token_beside_a_good_cookie;
    async fn rotation_writes_with_the_new_key;
}

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

struct Stand {
    clock: ManualClock,
    mint: TicketMint,
}

impl Stand {
    fn new() -> Self {
        let clock = ManualClock::new();
        Self { mint: TicketMint::new().clock(clock.clone()), clock }
    }

    fn forms(&self) -> TicketValidator<FormsTickets> {
        let format = FormsTickets::new(self.mint.machine_key()).unwrap();
        TicketValidator::new(format).clock(Arc::new(self.clock.clone()))
    }

    fn katana(&self) -> TicketValidator<KatanaCookie> {
        let key = self.mint.machine_key();
        let format = KatanaCookie::new(key, "ApplicationCookie").unwrap();
        TicketValidator::new(format).clock(Arc::new(self.clock.clone()))
    }

    fn katana_ticket(&self) -> TicketBuilder {
        self.mint.katana_cookie("ApplicationCookie", "alice")
    }
}

async fn judged(validator: &impl TokenValidator, text: &str) -> Result<Identity, AuthErrorKind> {
    let (parts, ()) = Request::new(()).into_parts();
    validator.validate(Presented::new(text, &parts)).await.map_err(|error| error.kind())
}

/// Content that only somebody who holds the key can make.
struct Behind {
    id: &'static str,
    ticket: fn(&Stand) -> TicketBuilder,
    reason: AuthErrorKind,
}

impl Row for Behind {
    fn id(&self) -> &str {
        self.id
    }
}

/// Where the content of a Katana cookie of the mint has its number of claims.
const CLAIM_COUNT: usize = 4 + 1 + "ApplicationCookie".len() + 2 + 2;
/// Where the content of a forms ticket has the length of its name.
const NAME_LENGTH: usize = 20;

fn replaced(at: usize, by: &'static [u8]) -> impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync {
    move |mut content| {
        content.splice(at..at + by.len(), by.iter().copied());
        content
    }
}

/// The one byte of a length, by a length of several.
fn length(at: usize, by: &'static [u8]) -> impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync {
    move |mut content| {
        content.splice(at..=at, by.iter().copied());
        content
    }
}

fn bomb(_: Vec<u8>) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![0; 1 << 20];
    for _ in 0..64 {
        packed.write_all(&zeros).unwrap();
    }
    packed.finish().unwrap()
}

const BEHIND: &[Behind] = &[
    Behind {
        id: "TKT-13",
        ticket: |stand| stand.katana_ticket().with_packed(bomb),
        reason: TokenTooLong,
    },
    Behind {
        id: "TKT-14",
        ticket: |stand| {
            stand.katana_ticket().with_content(length(4, &[0xff, 0xff, 0xff, 0xff, 0x0f]))
        },
        reason: TicketMalformed,
    },
    Behind {
        id: "TKT-14",
        ticket: |stand| {
            stand.katana_ticket().with_content(length(4, &[0xff, 0xff, 0xff, 0xff, 0x7f]))
        },
        reason: TicketMalformed,
    },
    Behind {
        id: "TKT-14",
        ticket: |stand| {
            stand.katana_ticket().with_content(length(4, &[0x80, 0x80, 0x80, 0x80, 0x80, 0x01]))
        },
        reason: TicketMalformed,
    },
    Behind {
        id: "TKT-14",
        ticket: |stand| stand.katana_ticket().with_content(length(4, &[0xff, 0xff, 0x7f])),
        reason: TicketMalformed,
    },
    Behind {
        id: "TKT-15",
        ticket: |stand| {
            let most = replaced(CLAIM_COUNT, &[0xff, 0xff, 0xff, 0x7f]);
            stand.katana_ticket().with_content(most)
        },
        reason: TicketMalformed,
    },
    Behind {
        id: "TKT-15",
        ticket: |stand| {
            let negative = replaced(CLAIM_COUNT, &[0xff, 0xff, 0xff, 0xff]);
            stand.katana_ticket().with_content(negative)
        },
        reason: TicketMalformed,
    },
    Behind {
        id: "TKT-15",
        ticket: |stand| stand.katana_ticket().with_content(replaced(CLAIM_COUNT, &[2, 0, 0, 0])),
        reason: TicketMalformed,
    },
    Behind {
        id: "TKT-16",
        ticket: |stand| stand.katana_ticket().with_content(replaced(5, &[0xff, 0xfe])),
        reason: TicketMalformed,
    },
];

const BEHIND_FORMS: &[Behind] = &[
    Behind {
        id: "TKT-14",
        ticket: |stand| {
            let endless = length(NAME_LENGTH, &[0xff, 0xff, 0xff, 0xff, 0x0f]);
            stand.mint.forms("alice").with_content(endless)
        },
        reason: TicketMalformed,
    },
    Behind {
        id: "TKT-14",
        ticket: |stand| {
            stand.mint.forms("alice").with_content(length(NAME_LENGTH, &[0xff, 0xff, 0x03]))
        },
        reason: TicketMalformed,
    },
    Behind {
        id: "TKT-16",
        ticket: |stand| {
            // half of the last character is gone
            stand.mint.forms("alice").with_content(|mut content| {
                content.remove(NAME_LENGTH + 10);
                content
            })
        },
        reason: TicketMalformed,
    },
    Behind {
        id: "TKT-16",
        ticket: |stand| {
            // a surrogate alone: it is not replaced by another character, so it names nobody
            stand.mint.forms("alice").with_content(replaced(NAME_LENGTH + 1, &[0x00, 0xd8]))
        },
        reason: TicketMalformed,
    },
];

/// Every fault is an answer, and none costs more than the bytes that are there.
async fn behind_a_valid_mac() {
    let stand = Stand::new();
    assert!(judged(&stand.katana(), &stand.katana_ticket().build()).await.is_ok());
    ledger::table_async(BEHIND, async |row| {
        let text = (row.ticket)(&stand).build();
        assert_eq!(judged(&stand.katana(), &text).await, Err(row.reason));
    })
    .await;
    ledger::table_async(BEHIND_FORMS, async |row| {
        let text = (row.ticket)(&stand).build();
        assert_eq!(judged(&stand.forms(), &text).await, Err(row.reason));
    })
    .await;
}

/// U+0000 ends nothing.
async fn names_are_whole() {
    let stand = Stand::new();
    let text = stand.mint.forms("admin\0x").build();
    let identity = judged(&stand.forms(), &text).await.unwrap();
    assert_eq!(identity.subject(), Some("admin\0x"));
    let admin = judged(&stand.forms(), &stand.mint.forms("admin").build()).await.unwrap();
    assert_ne!(identity, admin);
    let katana = stand.mint.katana_cookie("ApplicationCookie", "admin\0x").build();
    assert_eq!(judged(&stand.katana(), &katana).await.unwrap().subject(), Some("admin\0x"));
    ledger::passed("TKT-16");
}

async fn times() {
    let stand = Stand::new();
    // 62 bits of ticks and two of kind: only UTC ticks are times
    let kind = |bits: i64| (bits << 62) | 639_028_224_000_000_000;
    for (ticks, expected) in [
        (0, TicketExpired),
        (1, TicketExpired),
        (i64::MAX, TicketMalformed),
        (i64::MIN, TicketMalformed),
        (-1, TicketMalformed),
        (3_155_378_975_999_999_999 + 1, TicketMalformed),
        (kind(1), TicketMalformed),
        (kind(2), TicketMalformed),
    ] {
        let forms = stand.mint.forms("alice").with_content(move |mut content| {
            content[11..19].copy_from_slice(&ticks.to_le_bytes());
            content
        });
        assert_eq!(judged(&stand.forms(), &forms.build()).await, Err(expected), "{ticks}");
    }
    // the last moment that .NET knows is "for ever"
    let forever = stand.mint.forms("alice").with_content(|mut content| {
        content[11..19].copy_from_slice(&3_155_378_975_999_999_999_i64.to_le_bytes());
        content
    });
    let identity = judged(&stand.forms(), &forever.build()).await.unwrap();
    assert_eq!(identity.expires_at(), Some(UnixTime::MAX));
    // issued in the future is not held against it; expired is
    let now = stand.clock.now();
    let early = stand.mint.forms("alice").issued_at(now + 10 * MINUTE);
    assert!(judged(&stand.forms(), &early.build()).await.is_ok());
    let late = stand.mint.forms("alice").expired_for(Duration::from_nanos(100));
    assert_eq!(judged(&stand.forms(), &late.build()).await, Err(TicketExpired));
    ledger::passed("TKT-17");
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
    let (parts, mut answer) = (parts(&copy, ".ASPXAUTH"), HeaderMap::new());
    auth.sign_out(&parts, None, &mut answer).await.unwrap();
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
    let parts = self::parts(&copy, COOKIE);
    let identity = judged(&stand.katana().sessions(Arc::new(Empty)).unwrap(), &copy).await;
    assert_eq!(identity, Err(SessionGone), "another store knows nothing of it");
    let identity = identity_of(&auth, &copy).await;
    auth.sign_out(&parts, Some(&identity), &mut answer).await.unwrap();
    assert_eq!(status(&auth, &copy, COOKIE).await, (401, Some(SessionGone)));
    ledger::passed("CK-07");
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
    auth.sign_in(&parts(&brought, COOKIE), alice, &mut answer).await.unwrap();
    assert_eq!(status(&auth, &brought, COOKIE).await, (401, Some(SessionGone)));
    assert_eq!(status(&auth, &other, COOKIE).await, (200, None));
    auth.sign_out(&parts(&other, COOKIE), None, &mut answer).await.unwrap();
    assert_eq!(status(&auth, &other, COOKIE).await, (401, Some(SessionGone)));
    ledger::passed("CK-06 CK-07");
}

const COOKIE: &str = ".AspNet.ApplicationCookie";

fn parts(ticket: &str, cookie: &str) -> http::request::Parts {
    let request = Request::get("/").header("cookie", format!("{cookie}={ticket}"));
    request.body(()).unwrap().into_parts().0
}

async fn signed_in<F: TicketFormat + 'static>(auth: &TicketAuth<F>) -> String {
    let mut headers = HeaderMap::new();
    let request = Request::new(()).into_parts().0;
    auth.sign_in(&request, Ticket::new("ApplicationCookie", "alice"), &mut headers).await.unwrap();
    let line = headers["set-cookie"].to_str().unwrap();
    line.split(';').next().unwrap().split_once('=').unwrap().1.to_owned()
}

async fn identity_of<F: TicketFormat + 'static>(auth: &TicketAuth<F>, ticket: &str) -> Identity {
    let explanation = auth.explain(&parts(ticket, COOKIE)).await;
    explanation.schemes[0].outcome.identity().unwrap().clone()
}

async fn status<F: TicketFormat + 'static>(
    auth: &TicketAuth<F>,
    ticket: &str,
    cookie: &str,
) -> (u16, Option<AuthErrorKind>) {
    let service =
        auth.layer(service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(()))));
    let response = service.oneshot(Request::from_parts(parts(ticket, cookie), ())).await.unwrap();
    let reason = response.extensions().get::<Rejection>().map(|it| it.reason().kind());
    (response.status().as_u16(), reason)
}

/// A store in which somebody signs out while a request looks.
#[derive(Debug)]
struct SignsOutInBetween(InMemorySessions);

impl Sessions for SignsOutInBetween {
    fn store(&self, ticket: Ticket) -> Attempt<Result<SessionKey, AuthError>> {
        self.0.store(ticket)
    }

    fn retrieve(&self, key: &SessionKey) -> Attempt<Result<Option<Ticket>, AuthError>> {
        let found = self.0.retrieve(key);
        self.0.remove(key).into_ready().unwrap().unwrap();
        found
    }

    fn renew(&self, key: &SessionKey, ticket: Ticket) -> Attempt<Result<bool, AuthError>> {
        self.0.renew(key, ticket)
    }

    fn remove(&self, key: &SessionKey) -> Attempt<Result<(), AuthError>> {
        self.0.remove(key)
    }
}

/// A store that holds nothing.
#[derive(Debug)]
struct Empty;

impl Sessions for Empty {
    fn store(&self, _: Ticket) -> Attempt<Result<SessionKey, AuthError>> {
        Attempt::ready(Ok(SessionKey::random()))
    }

    fn retrieve(&self, _: &SessionKey) -> Attempt<Result<Option<Ticket>, AuthError>> {
        Attempt::ready(Ok(None))
    }

    fn renew(&self, _: &SessionKey, _: Ticket) -> Attempt<Result<bool, AuthError>> {
        Attempt::ready(Ok(false))
    }

    fn remove(&self, _: &SessionKey) -> Attempt<Result<(), AuthError>> {
        Attempt::ready(Ok(()))
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
    let room = include_str!("../../src/ticket/sessions.rs");
    assert!(room.contains("pub struct InMemorySessions(Cache<[u8; 32], Arc<Ticket>>)"));
    let code = room.split("#[cfg(test)]").next().unwrap();
    assert!(code.contains("key.digest()") && !code.contains("get(key.as_str()"));
    assert!(!format!("{key:?}").contains("abc"));
    ledger::passed("CK-15");
}

/// Hexadecimal digits in either case are one ticket, and no cache takes it for two users.
async fn two_spellings_of_one_ticket() {
    let stand = Stand::new();
    let cached = Cached::new(stand.forms());
    let upper = stand.mint.forms("alice").build();
    let lower = upper.to_lowercase();
    assert_ne!(upper, lower);
    for text in [&upper, &lower, &upper, &lower] {
        assert_eq!(judged(&cached, text).await.unwrap().subject(), Some("alice"));
    }
    // an odd number of digits, which the other text form does not end with either; white space
    for text in
        [format!("{upper}F"), format!(" {upper}"), format!("{upper}\t"), upper.replace('0', " ")]
    {
        assert_eq!(judged(&cached, &text).await, Err(TicketMalformed), "{text}");
    }
    stand.clock.advance(30 * MINUTE + Duration::from_nanos(100));
    for text in [&upper, &lower] {
        assert_eq!(judged(&cached, text).await, Err(TicketExpired));
    }
    ledger::passed("TKT-20");
}

/// User data, cookie path and version are the application's, and decide nothing here.
async fn what_no_policy_reads() {
    let stand = Stand::new();
    let ticket = stand.mint.forms("alice").user_data(r#"{"roles":["admin"],"role":"admin"}"#);
    let ticket = ticket.with(|ticket| {
        ticket.cookie_path = "/admin".into();
        ticket.version = 99;
    });
    let auth = TicketAuth::new(".ASPXAUTH", stand.forms()).unwrap();
    let text = ticket.build();
    assert_eq!(status(&auth, &text, ".ASPXAUTH").await, (200, None));
    let admins = policy::role("admin").or(policy::role("admin").in_claim("role"));
    let response = auth
        .require(admins)
        .unwrap()
        .layer(service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(()))))
        .oneshot(Request::from_parts(parts(&text, ".ASPXAUTH"), ()))
        .await
        .unwrap();
    assert_eq!(response.status(), 403);
    let identity = judged(&stand.forms(), &text).await.unwrap();
    let whole = Ticket::of(&identity).unwrap();
    assert_eq!((whole.version, &*whole.cookie_path), (99, "/admin"), "still there to be read");
    ledger::passed("TKT-21");
}

/// Nothing is read that no key protects.
async fn no_key_is_no_fallback() {
    for (validation, decryption) in [("", ""), ("", "00"), ("00", "")] {
        assert!(MachineKey::from_hex(validation, decryption).is_err());
    }
    let stand = Stand::new();
    let mut content = Vec::new();
    content.extend([1, 2]);
    content.extend(639_028_224_000_000_000_i64.to_le_bytes());
    content.push(0xfe);
    content.extend(639_928_224_000_000_000_i64.to_le_bytes());
    content.extend([0, 5, b'a', 0, b'd', 0, b'm', 0, b'i', 0, b'n', 0, 0, 1, b'/', 0, 0xff]);
    let bare: String = content.iter().map(|byte| format!("{byte:02X}")).collect();
    for text in [&*bare, "00", "garbage", "eyJhbGciOiJub25lIn0.e30."] {
        let found = judged(&stand.forms(), text).await;
        assert!(matches!(found, Err(TicketUndecryptable | TicketMalformed)), "{text}: {found:?}");
    }
    // the content is right: protected with the key it opens
    let format = stand.mint.forms("alice").with_content(move |_| content.clone());
    assert_eq!(judged(&stand.forms(), &format.build()).await.unwrap().subject(), Some("admin"));
    ledger::passed("CK-14");
}

/// One machine key for several applications: the authentication type is a purpose of its own.
async fn a_cookie_of_another_application() {
    let stand = Stand::new();
    let external = stand.mint.katana_cookie("ExternalCookie", "alice").build();
    assert_eq!(judged(&stand.katana(), &external).await, Err(TicketUndecryptable));
    let ours = stand.mint.katana_cookie("ApplicationCookie", "alice").build();
    assert!(judged(&stand.katana(), &ours).await.is_ok());
    assert_eq!(judged(&stand.forms(), &ours).await, Err(TicketMalformed));
    let forms = stand.mint.forms("alice").build();
    assert_eq!(judged(&stand.katana(), &forms).await, Err(TicketUndecryptable));
    ledger::passed("CK-18");
}

/// Status, headers and body are one answer, whatever is wrong with the ticket.
async fn causes_look_alike() {
    let stand = Stand::new();
    let auth = TicketAuth::new(COOKIE, stand.katana()).unwrap();
    let good = stand.katana_ticket();
    let foreign = MachineKey::from_hex(&"11".repeat(64), &"22".repeat(32)).unwrap();
    let mut answers = Vec::new();
    for flawed in [
        good.clone().bit_flipped(3),
        good.clone().bit_flipped(usize::MAX),
        good.clone().truncated(0),
        good.clone().truncated(47),
        good.clone().signed_with(foreign),
        good.clone().for_purpose("User.MachineKey.Protect", &["elsewhere"]),
        good.clone().with_content(|_| Vec::new()),
        good.clone().with_packed(|_| b"not gzip".to_vec()),
        good.clone().with_protected(|bytes| [&bytes[..bytes.len() - 32], &[0; 32]].concat()),
        good.with_text(|_| "!".repeat(100)),
    ] {
        let service =
            auth.layer(service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(()))));
        let request = Request::from_parts(parts(&flawed.build(), COOKIE), ());
        let response = service.oneshot(request).await.unwrap();
        assert!(response.extensions().get::<Rejection>().is_some());
        answers.push((response.status(), response.headers().clone()));
    }
    assert_eq!(answers[0].0, 401);
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    ledger::passed("6265-12");
}

async fn fields_of_each_family() {
    let stand = Stand::new();
    // no leeway: a moment is a moment
    let forms = stand.mint.forms("alice").build();
    let katana = stand.katana_ticket().expires_in(30 * MINUTE).build();
    stand.clock.advance(30 * MINUTE);
    assert!(judged(&stand.forms(), &forms).await.is_ok());
    assert!(judged(&stand.katana(), &katana).await.is_ok());
    stand.clock.advance(Duration::from_nanos(100));
    assert_eq!(judged(&stand.forms(), &forms).await, Err(TicketExpired));
    assert_eq!(judged(&stand.katana(), &katana).await, Err(TicketExpired));
    // the format's own version, its spacer, and the two values of a flag
    for (at, byte) in [(0, 0), (0, 2), (10, 0xff), (19, 2), (19, 0xff)] {
        let flawed = stand.mint.forms("alice").with_content(move |mut content| {
            content[at] = byte;
            content
        });
        let found = judged(&stand.forms(), &flawed.build()).await;
        assert_eq!(found, Err(TicketMalformed), "byte {at} is {byte:#x}");
    }
    let trailing = stand.mint.forms("alice").with_content(|content| [&content[..], &[0]].concat());
    assert_eq!(judged(&stand.forms(), &trailing.build()).await, Err(TicketMalformed));
    for is_persistent in [false, true] {
        let ticket = stand.mint.forms("alice").with(|it| it.is_persistent = is_persistent);
        let identity = judged(&stand.forms(), &ticket.build()).await.unwrap();
        assert_eq!(Ticket::of(&identity).unwrap().is_persistent, is_persistent);
    }
    for version in [0, 1, 2, 4] {
        let version =
            stand.katana_ticket().with_content(move |content| [&[version], &content[1..]].concat());
        assert_eq!(judged(&stand.katana(), &version.build()).await, Err(TicketMalformed));
    }
    ledger::passed("6265-13");
}

/// Where a token is demanded no cookie rescues it; where either will do, the good one counts.
async fn a_bad_token_beside_a_good_cookie() {
    let stand = Stand::new();
    let gate = AuthenticateLayer::new((
        Scheme::bearer(Bearer, Fixed::default()),
        Scheme::cookie(Cookies, ".ASPXAUTH", stand.forms()),
    ))
    .unwrap();
    let cookie = stand.mint.forms("alice").build();
    let bearer = |gate: &AuthenticateLayer| gate.require(policy::scheme(Bearer)).unwrap();
    let either = |gate: &AuthenticateLayer| gate.require(policy::any_scheme()).unwrap();
    let handler = service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(())));
    let request = || {
        let mut parts = parts(&cookie, ".ASPXAUTH");
        parts.headers.insert("authorization", "Bearer Expired".parse().unwrap());
        Request::from_parts(parts, ())
    };
    let pinned = gate.layer(bearer(&gate).layer(handler)).oneshot(request()).await.unwrap();
    assert_eq!(pinned.status(), 401);
    let reason = pinned.extensions().get::<Rejection>().unwrap().reason().kind();
    assert_eq!(reason, Expired);
    let either = gate.layer(either(&gate).layer(handler)).oneshot(request()).await.unwrap();
    assert_eq!(either.status(), 200);
    ledger::passed("6265-16");
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
