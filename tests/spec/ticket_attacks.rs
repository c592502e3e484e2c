//! What a stranger, or somebody who holds a key, can send in place of a ticket.

use std::convert::Infallible;
use std::io::Write as _;
use std::time::Duration;

use http::{Request, Response};
use portcullis::AuthErrorKind::{
    self, Expired, TicketExpired, TicketMalformed, TicketUndecryptable, TokenTooLong,
};
use portcullis::policy::PolicyExt;
use portcullis::testing::TicketBuilder;
use portcullis::ticket::Ticket;
use portcullis::ticket::aspnet::MachineKey;
use portcullis::token::Cached;
use portcullis::{
    AuthenticateLayer, Bearer, Clock as _, Cookies, Rejection, Scheme, TicketAuth, UnixTime, policy,
};
use tower::{Layer, ServiceExt as _, service_fn};

use super::ledger::{self, Row};
use crate::support::fixed::Fixed;
use crate::support::ticket_stand::{COOKIE, MINUTE, Stand, judged, parts, status};

chapter! {
    async fn behind_a_valid_mac;
    async fn names_are_whole;
    async fn times;
    async fn two_spellings_of_one_ticket;
    async fn what_no_policy_reads;
    async fn no_key_is_no_fallback;
    async fn a_cookie_of_another_application;
    async fn causes_look_alike;
    async fn fields_of_each_family;
    async fn a_bad_token_beside_a_good_cookie;
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
