//! The way out.

use std::sync::{Arc, atomic::AtomicBool};

use http::{HeaderMap, Response, StatusCode, header, request::Parts};

use super::{AuthenticateLayer, layer::warn_once};
use crate::{
    authentication::Authentication,
    rejection::{RequestKind, send_on},
    scheme::{Asked, Remembered},
    suppress::Suppressed,
};

/// What the gate's schemes remember of a request until it is answered, by the index of the scheme.
/// Nothing is allocated where none remembers anything.
#[derive(Default)]
pub(super) struct Memory {
    schemes: Vec<(usize, Remembered)>,
    /// Of a preflight: whether this gate has warned.
    preflight: Option<Arc<AtomicBool>>,
}

impl Memory {
    /// Asks the schemes that take part in the way out.
    pub(super) fn of(gate: &AuthenticateLayer, parts: &Parts, kind: RequestKind) -> Self {
        if kind.is_preflight() {
            return Self { schemes: Vec::new(), preflight: Some(Arc::clone(&gate.warned)) };
        }
        if !gate.responds {
            return Self::default();
        }
        let remembered = gate.schemes.iter().enumerate().filter_map(|(index, scheme)| {
            Some((index, scheme.authenticator().responder()?.remember(parts)?))
        });
        Self { schemes: remembered.collect(), preflight: None }
    }

    /// A bare 401 is challenged, and then each scheme of this gate may send a user on who has just
    /// signed in or out, and add headers. Those of a gate further out are asked by that gate.
    pub(super) fn respond<R>(&self, record: &Authentication, response: &mut Response<R>) {
        if let Some(warned) = &self.preflight {
            warn_of_cors(warned, response.headers());
        }
        record.challenge(response);
        let mut onward = None;
        for (index, scheme, outcome) in record.responding() {
            let Some(responder) = scheme.authenticator().responder() else { continue };
            let remembered =
                self.schemes.iter().find(|(owner, _)| *owner == index).map(|(_, it)| it);
            let is_suppressed = Suppressed::hides(scheme.name(), response.extensions());
            let asked = Asked::new(outcome, remembered, is_suppressed);
            if response.status() == StatusCode::OK && onward.is_none() {
                onward = responder.send_on(asked, response.headers());
            }
            responder.respond(asked, response.headers_mut());
        }
        if let Some(onward) = onward {
            send_on(response, &onward);
        }
    }
}

/// A CORS layer outside the gate answers preflights itself: this one stands inside.
fn warn_of_cors(warned: &AtomicBool, headers: &HeaderMap) {
    if headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
        warn_once(
            warned,
            "a preflight was answered inside the gate, so the CORS layer stands inside: pages of other \
             origins can not read a refusal; put it outside",
        );
    }
}
