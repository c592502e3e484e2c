//! What a remembered token takes up, and what a full cache costs those who use it. By hand:
//!
//! ```sh
//! cargo bench --bench memory             # a million entries: needs 3 GB
//! cargo bench --bench memory -- 100000
//! ```
//!
//! Bytes are what the process grew by (`/proc/self/statm`), so it says nothing outside Linux.

mod support;

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use portcullis::{
    introspection::{ClientAuth, IntrospectionValidator},
    jwt::{Algorithm, JwtValidator, StaticKeys},
    token::{Cached, InMemoryTokens, Presented, TokenCache, TokenValidator},
};
use support::{AUDIENCE, ISSUER, SaysYes, parts};

fn main() {
    let count = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000);
    let auth = ClientAuth::basic(AUDIENCE, "secret");
    let opaque = IntrospectionValidator::builder("https://login.example/introspect", auth)
        .fetch(SaysYes)
        .positive_lifetime(Duration::from_secs(3600))
        .build()
        .unwrap();
    let handles = |number: usize| format!("{number:064x}");
    // kept to the end: what one gave back would serve the next
    let first = grown("opaque token", opaque.clone(), count, handles);

    let keys = StaticKeys::hmac(Algorithm::HS256, SECRET).unwrap();
    let jwt = JwtValidator::builder(keys).issuer(ISSUER).audience(AUDIENCE);
    let jwt = jwt.algorithms([Algorithm::HS256]).build().unwrap();
    let second = grown("JWT", jwt.clone(), count, token);

    full(opaque, count.min(200_000), handles);
    drop((first, second));
    crowded(jwt, count);
}

/// Tells by how many bytes the process grows for each token.
fn grown<V: TokenValidator + 'static>(
    kind: &str,
    validator: V,
    count: usize,
    token: fn(usize) -> String,
) -> Cached<V> {
    let before = resident();
    let most = count as u64 * 4096;
    let cached = Cached::with_cache(validator, InMemoryTokens::with_max_bytes(most));
    let runtime = runtime();
    let parts = parts();
    runtime.block_on(async {
        for number in 0..count {
            cached.validate(Presented::new(&token(number), &parts)).await.unwrap();
        }
    });
    let bytes = (resident() - before) / count as u64;
    let all = (0..count)
        .all(|number| cached.validate(Presented::new(&token(number), &parts)).into_ready().is_ok());
    assert!(all, "every token is still there");
    println!("{kind} of {} bytes: {bytes} bytes an entry", token(0).len());
    cached
}

/// Puts entries into a cache that is full, each in the place of another.
fn full(validator: IntrospectionValidator, count: usize, token: fn(usize) -> String) {
    let parts = parts();
    let identity = runtime().block_on(validator.validate(Presented::new("x", &parts))).unwrap();
    let cache = InMemoryTokens::with_max_bytes(16 << 20);
    for number in 0..count {
        cache.insert(&token(number), &identity);
    }
    let held = cache.len();
    let mut times: Vec<_> = (count..count * 2)
        .map(|number| {
            let token = token(number);
            let start = Instant::now();
            cache.insert(&token, &identity);
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    let (middle, late) = (times[count / 2], times[count - 1 - count / 1000]);
    println!("insert into a full cache of {held}: median {middle:?}, p99.9 {late:?}");
}

/// Looks remembered tokens up while another thread puts new ones into the full cache, each in the place
/// of another.
fn crowded(validator: JwtValidator, count: usize) {
    let most = count as u64 * 1_024;
    let cached = Cached::with_cache(validator, InMemoryTokens::with_max_bytes(most));
    let parts = parts();
    let judge = |token: &str| cached.validate(Presented::new(token, &parts)).into_ready().is_ok();
    for number in 0..count {
        assert!(judge(&token(number)));
    }
    let hot: Vec<_> = (0..1_000).map(token).collect();
    let is_over = AtomicBool::new(false);
    let (mut times, put) = std::thread::scope(|threads| {
        let writer = threads.spawn(|| {
            let mut number = count;
            while !is_over.load(Ordering::Relaxed) {
                assert!(judge(&token(number)));
                number += 1;
            }
            number - count
        });
        let times = (0..1_000_000).map(|round| {
            let token = &hot[round % hot.len()];
            let start = Instant::now();
            assert!(judge(token));
            start.elapsed()
        });
        let times: Vec<_> = times.collect();
        is_over.store(true, Ordering::Relaxed);
        (times, writer.join().unwrap())
    });
    times.sort_unstable();
    let late = |of: usize| times[times.len() - 1 - times.len() / of];
    println!(
        "look-up while {put} are put into a full cache: median {:?}, p99.9 {:?}, p99.99 {:?}",
        late(2),
        late(1_000),
        late(10_000)
    );
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// An HS256 token of about 1 KB, made fast.
fn token(number: usize) -> String {
    // the same text each time it is asked for
    static NOW: LazyLock<u64> =
        LazyLock::new(|| std::time::UNIX_EPOCH.elapsed().unwrap().as_secs());
    let now = *NOW;
    let encode = |text: &[u8]| URL_SAFE_NO_PAD.encode(text);
    let claims = format!(
        r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","sub":"f1c5a1f0-3c1e-4b8e-9f57-0c2d8a6f4e11","client_id":"web-shop","iat":{now},"exp":{},"jti":"{number:032x}","scope":"openid profile orders:read orders:write","name":"Alice Liddell","more":"{}"}}"#,
        now + 36_000,
        "m".repeat(360)
    );
    let signed =
        format!("{}.{}", encode(br#"{"alg":"HS256","typ":"at+jwt"}"#), encode(claims.as_bytes()));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), signed.as_bytes());
    format!("{signed}.{}", encode(tag.as_ref()))
}

fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("this is Linux");
    let pages: u64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("pages");
    pages * 4096
}

const SECRET: &[u8] = &[7; 32];
