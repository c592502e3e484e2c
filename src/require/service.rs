//! The service.

use std::task::{Context, Poll};

use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::{RequireLayer, ResponseFuture};
use crate::{
    authentication::Authentication,
    error::{AuthError, AuthErrorKind},
    policy::Policy,
    rejection::{DefaultResponseForRejection, Rejection, RequestKind, ResponseForRejection},
};

impl<S, P, R: Clone> Layer<S> for RequireLayer<P, R> {
    type Service = Require<S, P, R>;

    fn layer(&self, inner: S) -> Self::Service {
        Require { inner, layer: self.clone() }
    }
}

/// See the module docs.
#[derive(Debug)]
pub struct Require<S, P, R = DefaultResponseForRejection> {
    pub(super) inner: S,
    pub(super) layer: RequireLayer<P, R>,
}

impl<S: Clone, P, R: Clone> Clone for Require<S, P, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S, P, R, B, ResBody> Service<Request<B>> for Require<S, P, R>
where
    S: Service<Request<B>, Response = Response<ResBody>>,
    P: Policy,
    R: ResponseForRejection<ResBody>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ResBody>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let Some(record) = request.extensions_mut().get_mut::<Authentication>() else {
            let error = AuthError::new(AuthErrorKind::NoGate);
            tracing::error!(target: "portcullis", %error, policy = ?self.layer.policy, "wiring");
            let kind = RequestKind::without_gate(request.headers());
            return self.refuse(Rejection::wiring(error), kind);
        };
        match self.layer.judge(record) {
            Ok(()) => {
                let record = record.clone();
                ResponseFuture::passed(self.inner.call(request), record)
            }
            Err(rejection) => {
                let kind = record.request_kind();
                self.refuse(rejection, kind)
            }
        }
    }
}

impl<S, P, R> Require<S, P, R> {
    fn refuse<F, B>(&self, rejection: Rejection, kind: RequestKind) -> ResponseFuture<F, B>
    where
        R: ResponseForRejection<B>,
    {
        ResponseFuture::refused(rejection.into_response(kind, &self.layer.responder))
    }
}

impl<P: Policy, R> RequireLayer<P, R> {
    /// Narrows the view and asks the policy.
    pub(crate) fn judge(&self, record: &mut Authentication) -> Result<(), Rejection> {
        if record.is_preflight() {
            return Ok(());
        }
        if !self.redirects {
            record.never_redirect();
        }
        if let Some(named) = &self.named {
            if let Some(name) = record.first_hidden(named) {
                return Err(self.hidden(format_args!("scheme {name} is not visible on this route")));
            }
            record.narrow(named);
        } else if record.visible().next().is_none() {
            return Err(self.hidden(format_args!("every scheme is hidden on this route")));
        }
        let Some(rejection) = record.rejection(&self.policy.decide(record)) else {
            return Ok(());
        };
        tracing::info!(
            target: "portcullis",
            status = rejection.status().as_u16(),
            reason = %rejection.reason(),
            schemes = ?record,
            policy = ?self.policy,
            "refused"
        );
        Err(rejection)
    }

    fn hidden(&self, what: std::fmt::Arguments<'_>) -> Rejection {
        let error = AuthError::new(AuthErrorKind::HiddenScheme).with_detail(what);
        tracing::error!(target: "portcullis", %error, policy = ?self.policy, "wiring");
        Rejection::wiring(error)
    }
}
