//! The contract of a tower service, kept by the gate, the suppression, the requirement and the guard.

use std::convert::Infallible;
use std::future::{Future, Ready, pending, poll_fn, ready};
use std::marker::PhantomPinned;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::{Request, Response};
use portcullis::authenticate::Authenticate;
use portcullis::csrf::CsrfLayer;
use portcullis::policy::{self, PolicyExt};
use portcullis::require::Require;
use portcullis::scheme::CrossSiteGuard;
use portcullis::suppress::Suppress;
use portcullis::token::{Presented, TokenValidator};
use portcullis::{
    Attempt, AuthError, AuthErrorKind, AuthenticateLayer, Authentication, Bearer, BearerAuth,
    Identity, Rejection, Scheme, SchemeName,
};
use tokio::time::{Instant, sleep};
use tower::limit::ConcurrencyLimitLayer;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

use super::ledger;
use crate::support::fixed::{
    ALICE, Body, Expected, Fixed, Handler, NO_STORE, NOBODY, NOTHING_SENT, get, ok, send, send_to,
};

chapter! {
    async fn the_service_that_was_polled_ready_is_called;
    async fn one_permit_is_enough;
    async fn cancelled_while_judging;
    async fn cancelled_while_the_handler_runs;
    async fn errors_pass_through;
    async fn any_body_will_do;
    async fn schemes_are_waited_for_together;
    async fn the_budget_ends_the_wait;
    async fn a_late_answer_counts_for_its_request_alone;
    threads async fn two_users_are_never_mixed;
    fn services_go_where_they_are_needed;
}

/// Judges as `Fixed` does, after a while.
#[derive(Debug)]
struct Slow {
    after: Duration,
    fixed: Fixed,
    /// Judgements that are waited for, or were abandoned.
    open: Arc<AtomicUsize>,
}

impl Slow {
    fn new(after: Duration) -> Self {
        Self { after, fixed: Fixed::default(), open: Arc::default() }
    }
}

impl TokenValidator for Slow {
    fn validate(&self, presented: Presented<'_>) -> Attempt<Result<Identity, AuthError>> {
        let answer = self.fixed.validate(presented).into_ready().unwrap();
        let after = self.after;
        let open = Counted::new(&self.open);
        Attempt::pending(async move {
            let _open = open;
            sleep(after).await;
            answer
        })
    }
}

/// Counts how many of it live.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

const SECOND: Duration = Duration::from_secs(1);
const GOOD: &[&str] = &["authorization: Bearer alice"];

fn gate_around(validator: impl TokenValidator + 'static) -> AuthenticateLayer {
    AuthenticateLayer::new((Scheme::bearer(Bearer, validator),)).unwrap()
}

/// Panics when it is called without having been polled ready; a clone must be polled anew.
#[derive(Debug, Default)]
struct Picky {
    ready: bool,
    calls: Arc<AtomicUsize>,
}

impl Clone for Picky {
    fn clone(&self) -> Self {
        Self { ready: false, calls: Arc::clone(&self.calls) }
    }
}

impl Service<Request<Body>> for Picky {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "called without having been polled ready");
        self.calls.fetch_add(1, Ordering::SeqCst);
        ready(Ok(Response::default()))
    }
}

async fn the_service_that_was_polled_ready_is_called() {
    for slow in [false, true] {
        let gate =
            if slow { gate_around(Slow::new(SECOND)) } else { gate_around(Fixed::default()) };
        let picky = Picky::default();
        let mut service = ServiceBuilder::new()
            .layer(gate.clone())
            .layer(gate.suppress_all_but(Bearer).unwrap())
            .layer(gate.require(policy::scheme(Bearer)).unwrap())
            .service(picky.clone());
        let mut waiting = Vec::new();
        for _ in 0..3 {
            let response = service.ready().await.unwrap().call(get(GOOD)).await.unwrap();
            assert_eq!(response.status(), 200);
            // the next is made ready before the last one is done, and a clone is another service
            waiting.push(service.ready().await.unwrap().call(get(GOOD)));
            let mut clone = service.clone();
            waiting.push(clone.ready().await.unwrap().call(get(GOOD)));
        }
        for response in waiting {
            assert_eq!(response.await.unwrap().status(), 200);
        }
        assert_eq!(picky.calls.load(Ordering::SeqCst), 9, "slow: {slow}");
    }
    ledger::passed("SUP-06 OPS-04");
}

async fn one_permit_is_enough() {
    for slow in [false, true] {
        let gate =
            if slow { gate_around(Slow::new(SECOND)) } else { gate_around(Fixed::default()) };
        let mut service = ServiceBuilder::new()
            .layer(gate.clone())
            .layer(gate.require(policy::scheme(Bearer)).unwrap())
            .layer(ConcurrencyLimitLayer::new(1))
            .service(service_fn(async |_: Request<_>| {
                sleep(SECOND).await;
                Ok::<_, Infallible>(Response::new(Body::default()))
            }));
        let mut cx = Context::from_waker(Waker::noop());

        let first = service.ready().await.unwrap().call(get(GOOD));
        assert!(service.poll_ready(&mut cx).is_pending(), "the one permit is taken");
        assert_eq!(first.await.unwrap().status(), 200);

        // given up in any state, it comes back
        let second = service.ready().await.unwrap().call(get(GOOD));
        drop(second);
        let mut third = Box::pin(service.ready().await.unwrap().call(get(GOOD)));
        assert!(third.as_mut().poll(&mut cx).is_pending());
        drop(third);
        let refused = service.ready().await.unwrap().call(get(&[])).await.unwrap();
        assert_eq!(refused.status(), 401);
        let last = service.ready().await.unwrap().call(get(GOOD)).await.unwrap();
        assert_eq!(last.status(), 200);
    }
    ledger::passed("OPS-04 SUP-06");
}

async fn cancelled_while_judging() {
    let validator = Slow::new(SECOND);
    let open = Arc::clone(&validator.open);
    let gate = gate_around(validator);
    let handler = Handler::new(ok);
    let mut service = gate.layer(handler.clone());
    let mut cx = Context::from_waker(Waker::noop());

    let unpolled = service.ready().await.unwrap().call(get(GOOD));
    assert_eq!(open.load(Ordering::SeqCst), 1);
    drop(unpolled);
    assert_eq!(open.load(Ordering::SeqCst), 0);

    let mut polled = Box::pin(service.ready().await.unwrap().call(get(GOOD)));
    assert!(polled.as_mut().poll(&mut cx).is_pending());
    assert_eq!(open.load(Ordering::SeqCst), 1);
    drop(polled);
    assert_eq!(open.load(Ordering::SeqCst), 0, "nothing is left running");
    sleep(SECOND * 10).await;
    assert_eq!(handler.saw(), None, "nobody calls the handler for a request that is gone");

    send(gate, get(GOOD)).await.is(&ALICE);
    ledger::passed("OPS-04");
}

async fn cancelled_while_the_handler_runs() {
    let running = Arc::new(AtomicUsize::new(0));
    for slow in [false, true] {
        let gate =
            if slow { gate_around(Slow::new(SECOND)) } else { gate_around(Fixed::default()) };
        let inner = {
            let running = Arc::clone(&running);
            service_fn(move |_: Request<Body>| {
                let running = Counted::new(&running);
                async move {
                    let _running = running;
                    pending::<()>().await;
                    Ok::<_, Infallible>(Response::new(Body::default()))
                }
            })
        };
        let mut service = ServiceBuilder::new()
            .layer(gate.clone())
            .layer(gate.suppress_all_but(Bearer).unwrap())
            .layer(gate.require(policy::scheme(Bearer)).unwrap())
            .service(inner);
        let response = Box::pin(service.ready().await.unwrap().call(get(GOOD)));
        assert!(tokio::time::timeout(SECOND * 3, response).await.is_err());
        assert_eq!(running.load(Ordering::SeqCst), 0, "dropped with its request");
    }
    ledger::passed("OPS-04");
}

async fn errors_pass_through() {
    #[derive(Debug, PartialEq)]
    struct Boom(u32);

    #[derive(Clone, Debug)]
    struct Failing {
        when_ready: bool,
    }
    impl Service<Request<()>> for Failing {
        type Response = Response<()>;
        type Error = Boom;
        type Future = Ready<Result<Response<()>, Boom>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Boom>> {
            Poll::Ready(if self.when_ready { Err(Boom(1)) } else { Ok(()) })
        }

        fn call(&mut self, _: Request<()>) -> Self::Future {
            ready(Err(Boom(2)))
        }
    }

    for slow in [false, true] {
        let gate =
            if slow { gate_around(Slow::new(SECOND)) } else { gate_around(Fixed::default()) };
        let stack = ServiceBuilder::new()
            .layer(gate.clone())
            .layer(gate.suppress_all_but(Bearer).unwrap())
            .layer(gate.require(policy::scheme(Bearer)).unwrap())
            .layer(CsrfLayer::new(CrossSiteGuard::new()));
        let request = get(GOOD).map(drop);
        let mut unready = stack.clone().service(Failing { when_ready: true });
        assert_eq!(poll_fn(|cx| unready.poll_ready(cx)).await, Err(Boom(1)));
        let failing = stack.service(Failing { when_ready: false });
        assert_eq!(failing.oneshot(request).await.unwrap_err(), Boom(2));
    }
    ledger::passed("OPS-04");
}

/// A request body that is neither `Unpin` nor `Default` nor `Clone`, and a response body that is
/// no `http_body::Body` at all.
async fn any_body_will_do() {
    struct Pinned {
        text: &'static str,
        _pinned: PhantomPinned,
    }
    #[derive(Debug, Default)]
    struct Answer {
        length: usize,
        _pinned: PhantomPinned,
    }

    for slow in [false, true] {
        let gate =
            if slow { gate_around(Slow::new(SECOND)) } else { gate_around(Fixed::default()) };
        let service = ServiceBuilder::new()
            .layer(gate.clone())
            .layer(gate.suppress_all_but(Bearer).unwrap())
            .layer(gate.require(policy::scheme(Bearer)).unwrap())
            .layer(CsrfLayer::new(CrossSiteGuard::new()))
            // an inner future that is not Unpin either
            .service(service_fn(async |request: Request<Pinned>| {
                sleep(SECOND).await;
                let length = request.into_body().text.len();
                Ok::<_, Infallible>(Response::new(Answer { length, _pinned: PhantomPinned }))
            }));
        let request = |lines| get(lines).map(|_| Pinned { text: "hello", _pinned: PhantomPinned });
        let response = service.clone().oneshot(request(GOOD)).await.unwrap();
        assert_eq!((response.status().as_u16(), response.body().length), (200, 5));
        let response = service.oneshot(request(&[])).await.unwrap();
        assert_eq!((response.status().as_u16(), response.body().length), (401, 0));
    }
    ledger::passed("OPS-04");
}

/// Schemes in headers of their own.
#[derive(Debug)]
struct InHeader(&'static str, Slow);

impl portcullis::scheme::Authenticator for InHeader {
    fn authenticate(&self, parts: &http::request::Parts) -> Attempt<portcullis::Outcome> {
        match parts.headers.get(self.0) {
            None => Attempt::ready(portcullis::Outcome::Absent),
            Some(token) => {
                let presented = Presented::new(token.to_str().unwrap(), parts);
                self.1.validate(presented).map(portcullis::Outcome::from)
            }
        }
    }

    fn challenge(
        &self,
        _: portcullis::challenge::ChallengeReason<'_>,
    ) -> Option<portcullis::challenge::Challenge> {
        None
    }
}

async fn schemes_are_waited_for_together() {
    let others = ["x-1", "x-2", "x-3", "x-4", "x-5", "x-6", "x-7"];
    for count in [1, 2, 7] {
        // the bearer scheme is ready at once; the last of the others takes longest
        let mut schemes = vec![Scheme::from(Scheme::bearer(Bearer, Fixed::default()))];
        for (i, header) in others.iter().copied().take(count).enumerate() {
            let after = SECOND * u32::try_from(i + 1).unwrap() / 2;
            schemes
                .push(Scheme::custom(SchemeName::new(header), InHeader(header, Slow::new(after))));
        }
        let gate = AuthenticateLayer::new(schemes).unwrap();
        let mut lines = vec!["authorization: Bearer alice".to_owned()];
        lines.extend(others.iter().take(count).map(|header| format!("{header}: bob")));
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();

        let started = Instant::now();
        let answer = send(gate, get(&lines)).await;

        let longest = SECOND * u32::try_from(count).unwrap() / 2;
        let waited = started.elapsed();
        assert!(waited >= longest && waited < longest + SECOND / 10, "{count}: {waited:?}");
        // each outcome under its own scheme, in the gate's order
        let mut saw = vec!["Bearer alice".to_owned()];
        saw.extend(others.iter().take(count).map(|header| format!("{header} bob")));
        assert_eq!(answer.saw, Some(saw.join(", ")));
        assert_eq!((answer.status, answer.headers.len()), (200, 0));
    }
    ledger::passed("OPS-04");
}

async fn the_budget_ends_the_wait() {
    let timed_out = Expected::refused(503, &[NO_STORE, "retry-after: 1"], AuthErrorKind::TimedOut);
    for (budget, waited) in [(None, 5), (Some(2), 2)] {
        let mut gate = gate_around(Slow::new(SECOND * 3600));
        if let Some(seconds) = budget {
            gate = gate.budget(SECOND * seconds);
        }
        let require = gate.require(policy::scheme(Bearer)).unwrap();
        let stack = ServiceBuilder::new().layer(gate.clone()).layer(require);
        let started = Instant::now();
        send(stack, get(GOOD)).await.is(&timed_out);
        let elapsed = started.elapsed();
        assert!(elapsed >= SECOND * waited && elapsed < SECOND * (waited + 1), "{elapsed:?}");
        // where nobody is demanded, the request goes on as nobody
        send(gate, get(GOOD)).await.is(&NOBODY);
    }

    // what was judged in time counts
    const OTHER: SchemeName = SchemeName::from_static("Other");
    let gate = AuthenticateLayer::new([
        Scheme::custom(OTHER, InHeader("x-other", Slow::new(SECOND * 3600))),
        Scheme::bearer(Bearer, Slow::new(SECOND)).into(),
    ])
    .unwrap();
    let lines = &["authorization: Bearer alice", "x-other: bob"];
    let either = gate.require(policy::scheme(OTHER).or(policy::scheme(Bearer))).unwrap();
    let stack = ServiceBuilder::new().layer(gate.clone()).layer(either);
    send(stack, get(lines)).await.is(&ALICE);
    let both = gate.require(policy::scheme(OTHER).and(policy::scheme(Bearer))).unwrap();
    let stack = ServiceBuilder::new().layer(gate).layer(both);
    send(stack, get(lines)).await.is(&timed_out);
    ledger::passed("OPS-04");
}

async fn a_late_answer_counts_for_its_request_alone() {
    let gate = gate_around(Slow::new(SECOND));
    let require = gate.require(policy::scheme(Bearer)).unwrap();
    let stack = ServiceBuilder::new().layer(gate).layer(require);
    let (slow, quick) = tokio::join!(
        send_to(stack.clone(), Handler::new(ok), get(GOOD)),
        send_to(stack, Handler::new(ok), get(&[])),
    );
    slow.is(&ALICE);
    quick.is(&NOTHING_SENT);
    ledger::passed("SUP-05");
}

/// Ready at every other request, pending at the rest.
#[derive(Debug, Default)]
struct Wavering(AtomicUsize);

impl TokenValidator for Wavering {
    fn validate(&self, presented: Presented<'_>) -> Attempt<Result<Identity, AuthError>> {
        let name = presented.token();
        let answer = Identity::builder("https://issuer.example").subject(name).build();
        if self.0.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            return Attempt::ready(Ok(answer));
        }
        Attempt::pending(async move {
            tokio::task::yield_now().await;
            Ok(answer)
        })
    }
}

async fn two_users_are_never_mixed() {
    const ROUNDS: usize = 25_000;
    let stack = |gate: AuthenticateLayer| {
        let require = gate.require(policy::scheme(Bearer)).unwrap();
        ServiceBuilder::new().layer(gate).layer(require).service(service_fn(
            async |request: Request<()>| {
                let record = request.extensions().get::<Authentication>().unwrap();
                let subject = record.primary().unwrap().subject().unwrap().to_owned();
                tokio::task::yield_now().await;
                Ok::<_, Infallible>(Response::new(subject))
            },
        ))
    };
    let uncached = stack(gate_around(Wavering::default()));
    let cached = stack(BearerAuth::new(Wavering::default()).unwrap().optional());
    let mut tasks = Vec::new();
    for user in ["alice", "bob"] {
        for service in [uncached.clone(), cached.clone()] {
            tasks.push(tokio::spawn(async move {
                let line = format!("authorization: Bearer {user}");
                let request = get(&[&line]).map(drop);
                for _ in 0..ROUNDS {
                    let response = service.clone().oneshot(request.clone()).await.unwrap();
                    assert_eq!(response.body(), user);
                    assert!(response.extensions().get::<Rejection>().is_none());
                }
            }));
        }
    }
    for task in tasks {
        task.await.unwrap();
    }
    ledger::passed("SUP-05");
}

fn services_go_where_they_are_needed() {
    fn portable<T: Clone + Send + Sync + 'static>() {}
    fn sendable<F: Future<Output = Result<Response<Body>, Infallible>> + Send>(_: &F) {}

    portable::<Authenticate<Handler>>();
    portable::<Suppress<Handler>>();
    portable::<Require<Handler, policy::AnyScheme>>();
    portable::<BearerAuth>();
    let gate = gate_around(Slow::new(SECOND));
    let mut service =
        gate.layer(gate.require(policy::any_scheme()).unwrap().layer(Handler::new(ok)));
    let response = service.call(get(GOOD));
    sendable(&response);
    ledger::passed("OPS-04");
}
