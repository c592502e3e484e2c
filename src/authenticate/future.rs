//! The future.

use std::{
    fmt,
    future::Future,
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};
use tower_service::Service;

use super::{AuthenticateLayer, way_out::Memory};
use crate::{
    attempt::Attempt,
    authentication::{Authentication, Outcomes},
    error::{AuthError, AuthErrorKind},
    rejection::RequestKind,
    scheme::Outcome,
};

pin_project! {
    /// The future of [`Authenticate`](super::Authenticate).
    pub struct ResponseFuture<S, B, F> {
        #[pin]
        state: State<S, B, F>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, B, F> {
        Called { #[pin] inner: F, way_out: Option<(Authentication, Memory)> },
        Waiting { pending: Pending, next: Option<(S, Request<B>)> },
    }
}

impl<S, B, F> ResponseFuture<S, B, F> {
    pub(super) const fn untouched(inner: F) -> Self {
        Self { state: State::Called { inner, way_out: None } }
    }

    pub(super) const fn called(inner: F, record: Authentication, memory: Memory) -> Self {
        Self { state: State::Called { inner, way_out: Some((record, memory)) } }
    }

    pub(super) const fn waiting(pending: Pending, service: S, request: Request<B>) -> Self {
        Self { state: State::Waiting { pending, next: Some((service, request)) } }
    }
}

impl<S, B, R> Future for ResponseFuture<S, B, S::Future>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Output = Result<Response<R>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                StateProjection::Called { inner, way_out } => {
                    let mut response = ready!(inner.poll(cx))?;
                    if let Some((record, memory)) = way_out {
                        memory.respond(record, &mut response);
                    }
                    return Poll::Ready(Ok(response));
                }
                StateProjection::Waiting { pending, next } => {
                    let outcomes = ready!(pending.poll(cx));
                    let (mut service, mut request) =
                        next.take().expect("the state changes as soon as the request is taken");
                    let record = pending.gate.record(&mut request, outcomes, pending.kind);
                    let memory = mem::take(&mut pending.memory);
                    let inner = service.call(request);
                    let way_out = Some((record, memory));
                    this.state.set(State::Called { inner, way_out });
                }
            }
        }
    }
}

impl<S, B, F> fmt::Debug for ResponseFuture<S, B, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.state {
            State::Called { .. } => "authenticate::ResponseFuture(called)",
            State::Waiting { .. } => "authenticate::ResponseFuture(waiting)",
        })
    }
}

/// Schemes that are waited for, together, until the gate's budget ends.
pub(super) struct Pending {
    slots: Vec<Slot>,
    deadline: Option<Pin<Box<Sleep>>>,
    gate: AuthenticateLayer,
    kind: RequestKind,
    memory: Memory,
}

enum Slot {
    Done(Outcome),
    Waiting(Attempt<Outcome>),
}

impl Pending {
    pub(super) fn new(
        attempts: Vec<Attempt<Outcome>>,
        gate: AuthenticateLayer,
        kind: RequestKind,
        memory: Memory,
    ) -> Self {
        Self {
            slots: attempts.into_iter().map(Slot::Waiting).collect(),
            deadline: None,
            gate,
            kind,
            memory,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Outcomes> {
        let mut waiting = false;
        for slot in &mut self.slots {
            if let Slot::Waiting(attempt) = slot {
                match Pin::new(attempt).poll(cx) {
                    Poll::Ready(outcome) => *slot = Slot::Done(outcome),
                    Poll::Pending => waiting = true,
                }
            }
        }
        // the timer is made where it is first polled: inside the runtime, not where `call` ran
        let budget = self.gate.budget;
        if waiting
            && self
                .deadline
                .get_or_insert_with(|| Box::pin(sleep(budget)))
                .as_mut()
                .poll(cx)
                .is_pending()
        {
            return Poll::Pending;
        }
        Poll::Ready(mem::take(&mut self.slots).into_iter().map(Slot::into_outcome).collect())
    }
}

impl Slot {
    fn into_outcome(self) -> Outcome {
        match self {
            Self::Done(outcome) => outcome,
            Self::Waiting(_) => AuthError::new(AuthErrorKind::TimedOut).into(),
        }
    }
}
