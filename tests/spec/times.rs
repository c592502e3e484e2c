//! When a token is valid, and by which clock (RFC 7519 §4.1.4 to §4.1.6).

use std::{
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use AuthErrorKind::{Expired, NotYetValid, RejectedByCheck};
use portcullis::{AuthErrorKind, BuildError, UnixTime, jwt::JwtValidatorBuilder};

use super::{claims::build, ledger};
use crate::support::{
    sign::{AUDIENCE, NOW, P256_1, token},
    stand::{At, Stand},
};

chapter! {
    async fn edges_of_time;
    async fn fractions_of_a_second_count;
    async fn a_cached_token_is_judged_at_each_hit;
    fn tolerance_has_a_limit;
    async fn lifetimes_can_be_limited;
    async fn clocks_that_are_wrong;
}

/// A stand whose clock the test moves.
fn moving(configure: impl FnOnce(JwtValidatorBuilder) -> JwtValidatorBuilder) -> (Stand, Arc<At>) {
    let clock = Arc::new(At::new(NOW));
    let stand = Stand::with_keys([P256_1.jwk("p256-1", "")], |builder| {
        configure(builder.clock(clock.clone()))
    });
    (stand, clock)
}

/// `nbf - tolerance <= now < exp + tolerance`, and `iat <= now + tolerance`. A new stand each time,
/// so that no cache answers.
async fn edges_of_time() {
    for tolerance in [0, 1, 60, 300] {
        for (claim, at, reason, passes_at_the_edge) in [
            ("exp", NOW + 300 + tolerance, Expired, false),
            ("nbf", NOW - tolerance, NotYetValid, true),
            ("iat", NOW - tolerance, NotYetValid, true),
        ] {
            for (millis, edge) in [(at * 1000 - 1, -1), (at * 1000, 0), (at * 1000 + 1, 1)] {
                let (stand, clock) =
                    moving(|it| it.clock_tolerance(Duration::from_secs(tolerance)));
                clock.set_millis(millis);
                let text = match claim {
                    "exp" => token().text(),
                    _ => token().claim("iat", "1").claim(claim, &NOW.to_string()).text(),
                };
                let passes = match edge {
                    0 => passes_at_the_edge,
                    side => (side > 0) == passes_at_the_edge,
                };
                if passes {
                    stand.accepts(&text).await;
                } else {
                    stand.refuses(&text, reason).await;
                }
            }
        }
    }
    ledger::passed("CLM-05 CLM-07 CLM-08 7519-13 7519-18 7519-21 9068-06 13.4-expiring-now");
}

async fn fractions_of_a_second_count() {
    let text = token().claim("exp", "1800000300.5").text();
    for cached in [false, true] {
        for (millis, passes) in [
            (1_800_000_300_400, true),
            (1_800_000_300_499, true),
            (1_800_000_300_500, false),
            (1_800_000_300_600, false),
        ] {
            let (stand, clock) = moving(|it| it.clock_tolerance(Duration::ZERO));
            if cached {
                stand.accepts(&text).await;
            }
            clock.set_millis(millis);
            if passes {
                let who = stand.accepts(&text).await;
                assert_eq!(who.expires_at(), Some(UnixTime::from_secs_f64(1_800_000_300.5)));
            } else {
                stand.refuses(&text, Expired).await;
            }
        }
    }
    ledger::passed("ENC-16 7519-15");
}

/// What was accepted once and is remembered is judged again, also when the clock was set back.
async fn a_cached_token_is_judged_at_each_hit() {
    let (stand, clock) = moving(|it| it);
    let text = token().claim("nbf", &(NOW - 5).to_string()).text();
    stand.accepts(&text).await;
    assert_eq!(stand.send(&text).await.lookups, 0, "it was not remembered");
    clock.set_millis((NOW - 66) * 1000);
    stand.refuses(&text, NotYetValid).await;
    clock.set_millis(NOW * 1000);
    stand.accepts(&text).await;
    clock.set_millis((NOW + 360) * 1000);
    stand.refuses(&text, Expired).await;
    clock.set_millis((NOW + 359) * 1000);
    stand.accepts(&text).await;
    ledger::passed("7519-29");
}

fn tolerance_has_a_limit() {
    let tolerance =
        |seconds| build(|it| it.clock_tolerance(Duration::from_secs(seconds)), AUDIENCE);
    for (seconds, fits) in
        [(0, true), (60, true), (300, true), (301, false), (86_400, false), (u64::MAX, false)]
    {
        match tolerance(seconds) {
            Ok(_) => assert!(fits, "{seconds}"),
            Err(BuildError::Invalid { field, .. }) => {
                assert_eq!((field, fits), ("clock_tolerance", false))
            }
            Err(other) => panic!("{other}"),
        }
    }
    ledger::passed("CLM-06 7519-17");
}

async fn lifetimes_can_be_limited() {
    let (stand, _) = moving(|it| it.max_lifetime(Duration::from_secs(3600)));
    let of = |iat: u64, exp: u64| {
        token().claim("iat", &iat.to_string()).claim("exp", &exp.to_string()).text()
    };
    stand.accepts(&of(NOW, NOW + 3600)).await;
    stand.accepts(&of(NOW - 3000, NOW + 600)).await;
    for (iat, exp) in
        [(NOW, NOW + 3601), (NOW - 3000, NOW + 601), (NOW, NOW + 10 * 365 * 86_400), (1, NOW + 1)]
    {
        stand.refuses(&of(iat, exp), RejectedByCheck).await;
    }
    // without iat, or with one in the future as far as tolerated, what remains counts
    let (lax, _) = moving(|it| it.max_lifetime(Duration::from_secs(3600)).accept_missing("iat"));
    let without = |exp: u64| token().without("iat").claim("exp", &exp.to_string()).text();
    lax.accepts(&without(NOW + 3600)).await;
    lax.refuses(&without(NOW + 3661), RejectedByCheck).await;
    // a limit and tokens without end contradict each other
    let both = build(
        |it| it.max_lifetime(Duration::from_secs(1)).dangerous().accept_missing_expiry(),
        AUDIENCE,
    );
    assert!(both.is_err());
    assert!(build(|it| it.max_lifetime(Duration::ZERO), AUDIENCE).is_err());
    ledger::passed("CLM-04 6750-43");
}

async fn clocks_that_are_wrong() {
    for (now, reason) in [(0, NotYetValid), (1, NotYetValid), (u64::MAX / 1_000_000, Expired)] {
        let (stand, clock) = moving(|it| it);
        clock.set_millis(now);
        stand.refuses(&token().text(), reason).await;
    }
    // the system's clock before 1970 is 1970, and never wraps
    assert_eq!(UnixTime::from(UNIX_EPOCH - Duration::from_secs(1)), UnixTime::EPOCH);
    assert_eq!(UnixTime::EPOCH - Duration::MAX, UnixTime::EPOCH);
    assert_eq!(UnixTime::MAX + Duration::MAX, UnixTime::MAX);
    ledger::passed("CLM-09");
}
