//! What a gate costs a request whose credential needs no signature check, and what a refusal costs.
//!
//! ```sh
//! cargo bench --bench gate
//! ```
//!
//! Time and allocations of one request, from the call until the response; making the request and
//! dropping the response are not counted. Ratios are in `ratios`, which runs the pairs in turn.

mod support;

use divan::{AllocProfiler, Bencher, black_box};
use http::{Request, Response};
use portcullis::BearerAuth;
use support::*;
use tower_layer::Layer;
use tower_service::Service;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

fn run<S>(bencher: Bencher<'_, '_>, mut service: S, token: Option<&str>, status: u16)
where
    S: Service<Request<()>, Response = Response<()>, Error = std::convert::Infallible>,
{
    // the first request fills the caches, and shows that the bench measures what it says
    assert_eq!(call(&mut service, request(token)).status(), status);
    bencher
        .with_inputs(|| request(token))
        .bench_local_values(|request| black_box(call(&mut service, request)));
}

fn unknown_kid() -> (portcullis::jwt::JwtValidator, String) {
    let (known, unknown) =
        (many_keys(1), support::Key::new(portcullis::jwt::Algorithm::EdDSA, "x"));
    let token = unknown.token(ISSUER, 0);
    (validator(ISSUER, known.iter().map(support::Key::jwk)), token)
}

#[divan::bench]
fn bare(bencher: Bencher<'_, '_>) {
    run(bencher, Bare, None, 200);
}

#[divan::bench]
fn identity_layer(bencher: Bencher<'_, '_>) {
    let (_, token) = validator_of_keys(1);
    run(bencher, support::identity_layer(), Some(&token), 200);
}

#[divan::bench]
fn cached_token(bencher: Bencher<'_, '_>) {
    let (validator, token) = validator_of_keys(1);
    run(bencher, protected(cached(validator)), Some(&token), 200);
}

/// An opaque token whose issuer was asked: the same path, and a shorter token.
#[divan::bench]
fn cached_opaque_token(bencher: Bencher<'_, '_>) {
    let (validator, token) = support::opaque();
    run(bencher, protected(validator), Some(&token), 200);
}

/// JWTs and opaque tokens at one door.
#[divan::bench_group]
mod routed {
    use portcullis::token::TokenRouter;

    use super::*;

    #[divan::bench]
    fn jwt(bencher: Bencher<'_, '_>) {
        let (validator, token) = validator_of_keys(1);
        let router = TokenRouter::new().jwt(validator).opaque(support::opaque().0);
        run(bencher, protected(router), Some(&token), 200);
    }

    #[divan::bench]
    fn opaque(bencher: Bencher<'_, '_>) {
        let (validator, token) = support::opaque();
        let router = TokenRouter::new().jwt(validator_of_keys(1).0).opaque(validator);
        run(bencher, protected(router), Some(&token), 200);
    }
}

/// Gate and requirement in one layer, as most services have it.
#[divan::bench]
fn cached_token_bearer_auth(bencher: Bencher<'_, '_>) {
    let (validator, token) = validator_of_keys(1);
    run(bencher, BearerAuth::new(validator).unwrap().layer(Typed), Some(&token), 200);
}

/// The decision alone: a gate that records, around a handler that does not look.
#[divan::bench_group]
mod decision {
    use super::*;

    #[divan::bench]
    fn no_credential(bencher: Bencher<'_, '_>) {
        let (validator, _) = validator_of_keys(1);
        let gate = BearerAuth::new(validator).unwrap().optional();
        run(bencher, gate.layer(Bare), None, 200);
    }

    #[divan::bench]
    fn garbage(bencher: Bencher<'_, '_>) {
        let (validator, _) = validator_of_keys(1);
        let gate = BearerAuth::new(validator).unwrap().optional();
        run(bencher, gate.layer(Bare), Some(&support::garbage()), 200);
    }

    #[divan::bench]
    fn unknown_kid(bencher: Bencher<'_, '_>) {
        let (validator, token) = super::unknown_kid();
        let gate = BearerAuth::new(validator).unwrap().optional();
        run(bencher, gate.layer(Bare), Some(&token), 200);
    }
}

/// The whole refusal: decision, challenge, answer, one log event without a subscriber.
#[divan::bench_group]
mod refusal {
    use super::*;

    #[divan::bench]
    fn no_credential(bencher: Bencher<'_, '_>) {
        let (validator, _) = validator_of_keys(1);
        run(bencher, BearerAuth::new(validator).unwrap().layer(Typed), None, 401);
    }

    #[divan::bench]
    fn garbage(bencher: Bencher<'_, '_>) {
        let (validator, _) = validator_of_keys(1);
        let service = BearerAuth::new(validator).unwrap().layer(Typed);
        run(bencher, service, Some(&support::garbage()), 401);
    }

    #[divan::bench]
    fn unknown_kid(bencher: Bencher<'_, '_>) {
        let (validator, token) = super::unknown_kid();
        run(bencher, BearerAuth::new(validator).unwrap().layer(Typed), Some(&token), 401);
    }
}

/// A warm request beside many keys and many issuers.
#[divan::bench_group]
mod warm {
    use super::*;

    #[divan::bench(args = [1, 1000])]
    fn keys(bencher: Bencher<'_, '_>, count: usize) {
        let (validator, token) = validator_of_keys(count);
        run(bencher, protected(cached(validator)), Some(&token), 200);
    }

    #[divan::bench(args = [1, 100])]
    fn issuers(bencher: Bencher<'_, '_>, count: usize) {
        let (validator, token) = validator_of_issuers(count);
        run(bencher, protected(cached(validator)), Some(&token), 200);
    }
}
