//! What a token that was never seen costs, beside the signature check of the crypto library alone.
//!
//! ```sh
//! cargo bench --bench jwt
//! ```
//!
//! Time and allocations. Ratios are in `ratios`, which runs the pairs in turn.

mod support;

use divan::{AllocProfiler, Bencher, black_box};
use portcullis::{
    jwt::Algorithm,
    token::{Presented, TokenValidator},
};
use support::*;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// `ParsedPublicKey::verify_sig` over the same octets.
#[divan::bench(args = ALGORITHMS)]
fn raw(bencher: Bencher<'_, '_>, algorithm: Algorithm) {
    let key = Key::new(algorithm, "k1");
    let token = key.token(ISSUER, 0);
    let (signed, signature) = signed_parts(&token);
    let raw = key.raw();
    bencher.bench_local(|| {
        black_box(&raw).verify_sig(black_box(signed.as_bytes()), black_box(&signature)).unwrap();
    });
}

/// The validator, without cache and without HTTP.
#[divan::bench(args = ALGORITHMS)]
fn validator(bencher: Bencher<'_, '_>, algorithm: Algorithm) {
    let key = Key::new(algorithm, "k1");
    let token = key.token(ISSUER, 0);
    let (validator, parts) = (support::validator(ISSUER, [key.jwk()]), parts());
    bencher.bench_local(|| {
        let presented = Presented::new(black_box(&token), &parts);
        validator.validate(presented).into_ready().unwrap().unwrap()
    });
}

/// The whole request: gate, validator, requirement, typed claims. Nothing is remembered.
#[divan::bench(args = ALGORITHMS)]
fn whole_request(bencher: Bencher<'_, '_>, algorithm: Algorithm) {
    let key = Key::new(algorithm, "k1");
    let token = key.token(ISSUER, 0);
    let mut service = protected(support::validator(ISSUER, [key.jwk()]));
    bencher
        .with_inputs(|| request(Some(&token)))
        .bench_local_values(|request| black_box(call(&mut service, request)));
}

/// jsonwebtoken with the same back end, in a layer written by hand.
#[divan::bench(args = ALGORITHMS)]
fn jsonwebtoken_layer(bencher: Bencher<'_, '_>, algorithm: Algorithm) {
    let key = Key::new(algorithm, "k1");
    let token = key.token(ISSUER, 0);
    let mut service = HandWritten::new(TakesArc, &key);
    bencher
        .with_inputs(|| request(Some(&token)))
        .bench_local_values(|request| black_box(call(&mut service, request)));
}

/// A cold check beside many keys and many issuers.
#[divan::bench_group]
mod cold {
    use super::*;

    #[divan::bench(args = [1, 1000])]
    fn keys(bencher: Bencher<'_, '_>, count: usize) {
        run(bencher, validator_of_keys(count));
    }

    #[divan::bench(args = [1, 100])]
    fn issuers(bencher: Bencher<'_, '_>, count: usize) {
        run(bencher, validator_of_issuers(count));
    }

    fn run(bencher: Bencher<'_, '_>, (validator, token): (portcullis::jwt::JwtValidator, String)) {
        let parts = parts();
        bencher.bench_local(|| {
            let presented = Presented::new(black_box(&token), &parts);
            validator.validate(presented).into_ready().unwrap().unwrap()
        });
    }
}
