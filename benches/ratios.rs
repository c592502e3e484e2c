//! The ratios of docs/PERFORMANCE.md: pairs that are measured in turn, so that both sides meet the
//! same machine.
//!
//! ```sh
//! cargo bench --bench ratios
//! ```
//!
//! Each figure is the minimum over many rounds; in a round each side runs one batch. The minimum is
//! what the code costs where nothing else disturbs it; what the neighbours cost is in the median.

mod support;

use std::{hint::black_box, sync::Arc, time::Instant};

use http::Request;
use portcullis::{
    BearerAuth,
    jwt::{Algorithm, JwtValidator},
    token::{Presented, TokenValidator},
};
use support::{
    compare::{Side, calls, compare, requests, rounds},
    *,
};
use tower_layer::Layer;

fn main() {
    let rounds = rounds();
    warm_requests(rounds);
    decisions(rounds);
    cold_checks(rounds);
    cold_requests(rounds);
    many(rounds);
}

fn warm_requests(rounds: usize) {
    let (validator, token) = validator_of_keys(1);
    compare(
        "cached token / layer that inserts one Arc",
        rounds,
        requests(protected(cached(validator)), Some(&token)),
        requests(identity_layer(), Some(&token)),
    );
}

fn decisions(rounds: usize) {
    // what telling a handler anything costs: the first insert into a request's extensions
    let inserts = InsertOne(Bare, identity_layer().1);
    compare("insert one Arc / bare", rounds, requests(inserts, None), requests(Bare, None));
    let (jwt, _) = validator_of_keys(1);
    let unknown = Key::new(Algorithm::EdDSA, "unknown").token(ISSUER, 0);
    let garbage = garbage();
    for (name, token) in [
        ("decision, no credential / bare", None),
        ("decision, garbage / bare", Some(&*garbage)),
        ("decision, unknown kid / bare", Some(&*unknown)),
    ] {
        let gate = BearerAuth::new(jwt.clone()).unwrap().optional();
        compare(name, rounds, requests(gate.layer(Bare), token), requests(Bare, token));
    }
    for (name, token) in [
        ("refusal, no credential / bare", None),
        ("refusal, garbage / bare", Some(&*garbage)),
        ("refusal, unknown kid / bare", Some(&*unknown)),
    ] {
        let layer = BearerAuth::new(jwt.clone()).unwrap();
        compare(name, rounds, requests(layer.layer(Typed), token), requests(Bare, token));
    }
}

fn validate<'a>(validator: &'a JwtValidator, token: &'a str, batch: u32) -> Side<'a> {
    let parts = parts();
    calls(batch, move || {
        let presented = Presented::new(black_box(token), &parts);
        black_box(validator.validate(presented).into_ready().unwrap().unwrap());
    })
}

fn cold_checks(rounds: usize) {
    for algorithm in ALGORITHMS {
        let key = Key::new(algorithm, "k1");
        let token = key.token(ISSUER, 0);
        let (signed, signature) = signed_parts(&token);
        let raw = key.raw();
        let validator = validator(ISSUER, [key.jwk()]);
        compare(
            &format!("cold {algorithm}, validator / raw verification"),
            rounds,
            validate(&validator, &token, 16),
            calls(16, || raw.verify_sig(black_box(signed.as_bytes()), &signature).unwrap()),
        );
    }
}

/// One request through one side.
type Call = Box<dyn FnMut(Request<()>)>;

/// Tokens that were never seen, the cache filling up on one side.
fn cold_requests(rounds: usize) {
    const DIFFERENT: usize = 64;
    for algorithm in ALGORITHMS {
        let key = Key::new(algorithm, "k1");
        let tokens: Vec<String> = (0..DIFFERENT).map(|i| key.token(ISSUER, i)).collect();
        let fresh = |mut make: Box<dyn FnMut() -> Call>| -> Side<'_> {
            let tokens = &tokens;
            Box::new(move || {
                let made: Vec<Request<()>> =
                    tokens.iter().map(|token| request(Some(token))).collect();
                let mut call = make();
                let start = Instant::now();
                for request in made {
                    call(request);
                }
                start.elapsed().as_nanos() as f64 / DIFFERENT as f64
            })
        };
        let remembered = Arc::new(cached(validator(ISSUER, [key.jwk()])));
        let service = protected(Arc::clone(&remembered));
        let by_hand = HandWritten::new(TakesArc, &key);
        compare(
            &format!("cold {algorithm}, request / jsonwebtoken by hand"),
            rounds.div_ceil(4),
            fresh(Box::new(move || {
                remembered.clear();
                let mut service = service.clone();
                Box::new(move |request| drop(black_box(call(&mut service, request))))
            })),
            fresh(Box::new(move || {
                let mut service = by_hand.clone();
                Box::new(move |request| drop(black_box(call(&mut service, request))))
            })),
        );
    }
}

fn many(rounds: usize) {
    let (one_key, token) = validator_of_keys(1);
    let (thousand_keys, token_of_1000) = validator_of_keys(1000);
    let (one_issuer, token_of_issuer) = validator_of_issuers(1);
    let (hundred_issuers, token_of_100) = validator_of_issuers(100);
    for (name, many, many_token, one, one_token) in [
        ("1,000 keys / 1 key", &thousand_keys, &token_of_1000, &one_key, &token),
        ("100 issuers / 1 issuer", &hundred_issuers, &token_of_100, &one_issuer, &token_of_issuer),
    ] {
        compare(
            &format!("warm, {name}"),
            rounds,
            requests(protected(cached(many.clone())), Some(many_token)),
            requests(protected(cached(one.clone())), Some(one_token)),
        );
        compare(
            &format!("cold, {name}"),
            rounds,
            validate(many, many_token, 16),
            validate(one, one_token, 16),
        );
    }
}
