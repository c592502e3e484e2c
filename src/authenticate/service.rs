//! The service.

use std::{
    mem,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response, request::Parts};
use tower_layer::Layer;
use tower_service::Service;

use super::{AuthenticateLayer, ResponseFuture, future::Pending, way_out::Memory};
use crate::{
    attempt::Attempt,
    authentication::{Authentication, Outcomes},
    rejection::RequestKind,
    scheme::Outcome,
};

impl<S> Layer<S> for AuthenticateLayer {
    type Service = Authenticate<S>;

    fn layer(&self, inner: S) -> Self::Service {
        self.announce();
        Authenticate { inner, gate: self.clone() }
    }
}

/// See the module docs.
#[derive(Clone, Debug)]
pub struct Authenticate<S> {
    pub(super) inner: S,
    pub(super) gate: AuthenticateLayer,
}

impl<S, B, R> Service<Request<B>> for Authenticate<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, B, S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let mut kind = self.gate.kind_of(&parts);
        if let Some(outer) = parts.extensions.get::<Authentication>() {
            if !outer.is_preflight() {
                kind = kind.with_preflight_ignored(); // what an outer gate asked stays asked
            }
            let same = outer.is_of(&self.gate.schemes) && outer.request_kind() == kind;
            if same {
                self.gate.warn_once(
                    "this AuthenticateLayer stands twice in one stack; the inner one does nothing",
                );
            }
            if same || outer.is_settled() {
                return ResponseFuture::untouched(
                    self.inner.call(Request::from_parts(parts, body)),
                );
            }
        }
        let memory = Memory::of(&self.gate, &parts, kind);
        match self.gate.ask(&parts, kind) {
            Asked::Ready(outcomes) => {
                let mut request = Request::from_parts(parts, body);
                let record = self.gate.record(&mut request, outcomes, kind);
                ResponseFuture::called(self.inner.call(request), record, memory)
            }
            Asked::Pending(attempts) => {
                // keep the service that was polled ready for this request, and leave its clone for
                // the next one (tower, "Be careful when cloning inner Services")
                let clone = self.inner.clone();
                let ready = mem::replace(&mut self.inner, clone);
                let request = Request::from_parts(parts, body);
                let pending = Pending::new(attempts, self.gate.clone(), kind, memory);
                ResponseFuture::waiting(pending, ready, request)
            }
        }
    }
}

/// What the schemes answered at once.
enum Asked {
    Ready(Outcomes),
    Pending(Vec<Attempt<Outcome>>),
}

impl AuthenticateLayer {
    fn ask(&self, parts: &Parts, kind: RequestKind) -> Asked {
        if kind.is_preflight() {
            return Asked::Ready([].into_iter().collect());
        }
        let mut few = [Outcome::Absent, Outcome::Absent];
        let mut asked = self.schemes.iter().map(|s| s.authenticator().authenticate(parts));
        if self.schemes.len() <= few.len() {
            for done in 0..few.len() {
                let Some(attempt) = asked.next() else { break };
                match attempt.into_ready() {
                    Ok(outcome) => few[done] = outcome,
                    Err(pending) => {
                        let before = few.into_iter().take(done).map(Attempt::ready);
                        return Asked::Pending(before.chain([pending]).chain(asked).collect());
                    }
                }
            }
            return Asked::Ready(Outcomes::Few(few));
        }
        let mut ready = Vec::with_capacity(self.schemes.len());
        while let Some(attempt) = asked.next() {
            match attempt.into_ready() {
                Ok(outcome) => ready.push(outcome),
                Err(pending) => {
                    let before = ready.into_iter().map(Attempt::ready);
                    return Asked::Pending(before.chain([pending]).chain(asked).collect());
                }
            }
        }
        Asked::Ready(Outcomes::Many(ready.into()))
    }

    /// Writes the record into the request, once, and keeps a copy for the way out.
    pub(super) fn record<B>(
        &self,
        request: &mut Request<B>,
        outcomes: Outcomes,
        kind: RequestKind,
    ) -> Authentication {
        let visit = self.visit((request.method(), request.uri(), request.headers()), kind);
        let mut record =
            Authentication::new(Arc::clone(&self.schemes), outcomes, kind).of_visit(visit);
        if let Some(outer) = request.extensions().get::<Authentication>() {
            if record.all().any(|(scheme, ..)| outer.all().any(|(o, ..)| o.name() == scheme.name()))
            {
                self.warn_once(
                    "two gates in one stack have a scheme of the same name; inside, the inner one counts",
                );
            }
            record = record.inside(outer);
        }
        request.extensions_mut().insert(record.clone());
        record
    }
}
