//! The record: what every scheme found in one request, and what of it may be seen here.
//!
//! 1. The gate writes it once, into the request's extensions.
//! 2. A [view](Authentication::visible) is an ordered list of schemes, the first one primary. A
//!    passive scheme enters it only where it is named.
//! 3. Suppression and requirements narrow the view. What an outer layer hid never comes back
//!    inside.
//! 4. It keeps what a redirect must know of the request, as the outermost gate saw it, where some
//!    scheme redirects.

use std::{fmt, sync::Arc};

use http::{Response, StatusCode};

use crate::{
    principal::{Identity, Principal, SchemeName},
    rejection::{ChallengeWith, Decision, Rejection, RequestKind, Seen, challenge_bare_401},
    scheme::{Outcome, Scheme, Visit},
};

/// What every scheme of the gate found in this request.
///
/// Handlers take a [`Caller`](crate::Caller) or a [`Principal`] instead; this is for policies, for
/// logs, and for handlers without a framework:
/// `request.extensions().get::<Authentication>()`.
#[derive(Clone)]
pub struct Authentication {
    schemes: Arc<[Scheme]>,
    outcomes: Outcomes,
    view: View,
    kind: RequestKind,
    /// The request as a redirect must know it; `None` where no scheme redirects.
    visit: Option<Arc<Visit>>,
    settled: bool,
    /// How many of the schemes are those of the gate that wrote it; they stand first.
    own: u8,
}

impl Authentication {
    /// The record of a gate: one outcome per scheme, in the same order.
    pub(crate) fn new(schemes: Arc<[Scheme]>, outcomes: Outcomes, kind: RequestKind) -> Self {
        let view = View::of_active(&schemes);
        let own = u8::try_from(schemes.len()).unwrap_or(u8::MAX);
        Self { schemes, outcomes, view, kind, visit: None, settled: false, own }
    }

    /// With what a redirect must know of the request.
    pub(crate) fn of_visit(mut self, visit: Option<Visit>) -> Self {
        self.visit = visit.map(Arc::new);
        self
    }

    /// What one scheme found; `None` if this gate has no such scheme or it is hidden here. A
    /// passive scheme may be asked for by name.
    #[must_use]
    pub fn outcome(&self, scheme: impl Into<SchemeName>) -> Option<&Outcome> {
        let index = self.index(scheme.into())?;
        (!self.view.hides(index)).then(|| self.outcomes.at(index))
    }

    /// The identity that one scheme proved.
    #[must_use]
    pub fn identity(&self, scheme: impl Into<SchemeName>) -> Option<&Identity> {
        self.outcome(scheme)?.identity()
    }

    /// The visible identities, in order.
    pub fn identities(&self) -> impl Iterator<Item = (SchemeName, &Identity)> {
        self.visible().filter_map(|(name, outcome)| Some((name, outcome.identity()?)))
    }

    /// The first visible identity.
    #[must_use]
    pub fn primary(&self) -> Option<&Identity> {
        self.identities().next().map(|(_, identity)| identity)
    }

    /// The visible identities, to be kept.
    #[must_use]
    pub fn principal(&self) -> Principal {
        self.identities().map(|(name, identity)| (name, identity.clone())).collect()
    }

    /// The visible schemes and what they found, in order.
    pub fn visible(&self) -> impl Iterator<Item = (SchemeName, &Outcome)> + Clone {
        self.seen().map(|(scheme, outcome)| (scheme.name(), outcome))
    }

    /// A true CORS preflight: nobody is asked for credentials, and nobody is signed in.
    #[must_use]
    pub const fn is_preflight(&self) -> bool {
        self.kind.is_preflight()
    }

    /// What kind of request the gate saw.
    #[must_use]
    pub const fn request_kind(&self) -> RequestKind {
        self.kind
    }

    /// The rejection that a decision about this record means; `None` if the request may pass.
    #[must_use]
    pub fn rejection(&self, decision: &Decision) -> Option<Rejection> {
        Rejection::of(decision, self.seen(), self.visit.as_deref())
    }

    /// Challenges a bare 401 of the handler: by what it [recorded](ChallengeWith), and by what is visible
    /// here.
    #[inline]
    pub(crate) fn challenge<B>(&self, response: &mut Response<B>) {
        if response.status() == StatusCode::UNAUTHORIZED {
            self.challenge_401(response);
        } else if !response.extensions().is_empty() {
            let _ = ChallengeWith::take(response.extensions_mut()); // it is of no other status
        }
    }

    fn challenge_401<B>(&self, response: &mut Response<B>) {
        let recorded = ChallengeWith::take(response.extensions_mut());
        let (recorded, visit) = (recorded.as_ref(), self.visit.as_deref());
        let named = recorded.map(ChallengeWith::named).unwrap_or_default();
        if named.is_empty() {
            challenge_bare_401(response, self.kind, recorded, self.seen(), visit);
            return;
        }
        // what a route names counts beside it; what is merely visible does not
        let route: &[_] = if self.view.is_narrowed { &self.view.order } else { &[] };
        let route = route.iter().take(usize::from(self.view.len)).map(|index| usize::from(*index));
        let mut asked: Vec<usize> = route.collect();
        for name in named {
            match self.index(*name) {
                Some(index) if !asked.contains(&index) => asked.push(index),
                Some(_) => {}
                None => tracing::error!(
                    target: "portcullis",
                    "a handler challenges the scheme {name}, which no gate around it has"
                ),
            }
        }
        if asked.is_empty() {
            challenge_bare_401(response, self.kind, None, self.seen(), visit);
        } else {
            let asked = asked.iter().filter_map(|index| self.at(*index));
            challenge_bare_401(response, self.kind, recorded, asked, visit);
        }
    }

    pub(crate) fn seen(&self) -> impl Iterator<Item = Seen<'_>> + Clone {
        self.view.iter().filter_map(|index| self.at(index))
    }

    fn at(&self, index: usize) -> Option<Seen<'_>> {
        Some((self.schemes.get(index)?, self.outcomes.at(index)))
    }

    /// Every scheme with its outcome and whether it is visible, for the trail.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&Scheme, &Outcome, bool)> {
        self.schemes.iter().enumerate().map(|(index, scheme)| {
            (scheme, self.outcomes.at(index), self.view.iter().any(|seen| seen == index))
        })
    }

    /// Somebody is signed in by nothing but what a browser sends along whoever's page asks. Schemes
    /// that are not hidden count, passive ones too: a handler may ask for them by name.
    #[cfg(feature = "tickets")]
    pub(crate) fn is_ambient(&self) -> bool {
        self.proved().any(|scheme| scheme.authenticator().is_ambient()) && !self.has_deliberate()
    }

    /// A good credential is there that no browser sends by itself.
    #[cfg(feature = "tickets")]
    pub(crate) fn has_deliberate(&self) -> bool {
        self.proved().any(|scheme| !scheme.authenticator().is_ambient())
    }

    /// The schemes that proved somebody and are not hidden.
    #[cfg(feature = "tickets")]
    fn proved(&self) -> impl Iterator<Item = &Scheme> {
        let schemes = self.schemes.iter().enumerate();
        schemes
            .filter(|(index, _)| !self.view.hides(*index))
            .filter(|(index, _)| self.outcomes.at(*index).identity().is_some())
            .map(|(_, scheme)| scheme)
    }

    /// The schemes of the gate that wrote it which take part in the way out, by their index there.
    pub(crate) fn responding(&self) -> impl Iterator<Item = (usize, &Scheme, &Outcome)> {
        let own = self.schemes.iter().take(usize::from(self.own)).enumerate();
        own.filter(|(_, scheme)| scheme.responds())
            .map(|(index, scheme)| (index, scheme, self.outcomes.at(index)))
    }

    /// Whether any scheme, also one of a gate further out, takes part in the way out.
    pub(crate) fn has_responders(&self) -> bool {
        self.schemes.iter().any(Scheme::responds)
    }

    /// Only these schemes, in this order, and of them only those that are not hidden already.
    pub(crate) fn narrow(&mut self, names: &[SchemeName]) {
        let mut view = View { hidden: u8::MAX, is_narrowed: true, ..View::EMPTY };
        for name in names {
            if let Some(index) = self.index(*name)
                && !self.view.hides(index)
                && view.hides(index)
            {
                view.push(index);
            }
        }
        self.view = view;
    }

    /// Whatever is refused from here on is no redirect.
    pub(crate) fn never_redirect(&mut self) {
        self.visit = None;
    }

    /// The first of these names that cannot be seen here: unknown to the gate, or hidden.
    pub(crate) fn first_hidden(&self, names: &[SchemeName]) -> Option<SchemeName> {
        names.iter().copied().find(|name| self.outcome(*name).is_none())
    }

    /// Whether this record was made by a gate of these very schemes.
    pub(crate) fn is_of(&self, schemes: &Arc<[Scheme]>) -> bool {
        Arc::ptr_eq(&self.schemes, schemes)
    }

    /// A record that a test put there and that no gate judges anew.
    pub(crate) const fn is_settled(&self) -> bool {
        self.settled
    }

    /// Marks it as [settled](Self::is_settled).
    #[cfg(feature = "testing")]
    pub(crate) const fn settle(mut self) -> Self {
        self.settled = true;
        self
    }

    /// This record, inside the gate that wrote `outer`: its own schemes first, then those of the
    /// outer gate that it does not replace. What was hidden outside stays hidden.
    pub(crate) fn inside(self, outer: &Self) -> Self {
        let hidden_outside = |name| outer.index(name).is_some_and(|index| outer.view.hides(index));
        let kept: Vec<usize> = (0..outer.schemes.len())
            .filter(|index| self.index(outer.schemes[*index].name()).is_none())
            .take(MAX_SCHEMES - self.schemes.len().min(MAX_SCHEMES))
            .collect();
        let own =
            self.schemes.iter().enumerate().map(|(i, s)| (s, self.outcomes.at(i), s.is_active()));
        let others = kept.iter().map(|&i| {
            (&outer.schemes[i], outer.outcomes.at(i), outer.view.iter().any(|seen| seen == i))
        });
        let mut view = View::EMPTY;
        let (mut schemes, mut outcomes) = (Vec::new(), Vec::new());
        for (index, (scheme, outcome, shown)) in own.chain(others).enumerate() {
            if hidden_outside(scheme.name()) {
                view.hide(index);
            } else if shown {
                view.push(index);
            }
            schemes.push(scheme.clone());
            outcomes.push(outcome.clone());
        }
        let outcomes = outcomes.into_iter().collect();
        // routers between the two may have cut the path that the inner one saw
        let visit = outer.visit.clone().or(self.visit);
        Self { schemes: schemes.into(), outcomes, view, visit, ..self }
    }

    fn index(&self, name: SchemeName) -> Option<usize> {
        self.schemes.iter().position(|scheme| scheme.name() == name)
    }
}

impl fmt::Debug for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.visible()).finish()
    }
}

/// Outcomes by the index of their scheme; up to two of them without an allocation.
#[derive(Clone)]
pub(crate) enum Outcomes {
    Few([Outcome; 2]),
    Many(Arc<[Outcome]>),
}

impl Outcomes {
    fn at(&self, index: usize) -> &Outcome {
        const ABSENT: &Outcome = &Outcome::Absent;
        match self {
            Self::Few(few) => few.get(index),
            Self::Many(many) => many.get(index),
        }
        .unwrap_or(ABSENT)
    }
}

impl FromIterator<Outcome> for Outcomes {
    fn from_iter<I: IntoIterator<Item = Outcome>>(outcomes: I) -> Self {
        let mut rest = outcomes.into_iter();
        let first = rest.next().unwrap_or(Outcome::Absent);
        let second = rest.next().unwrap_or(Outcome::Absent);
        match rest.next() {
            None => Self::Few([first, second]),
            Some(third) => Self::Many([first, second, third].into_iter().chain(rest).collect()),
        }
    }
}

/// An ordered list of at most eight schemes by index, and those that an outer layer hid.
#[derive(Clone, Copy)]
struct View {
    order: [u8; MAX_SCHEMES],
    len: u8,
    hidden: u8,
    /// Somebody named what it holds.
    is_narrowed: bool,
}

impl View {
    const EMPTY: Self = Self { order: [0; MAX_SCHEMES], len: 0, hidden: 0, is_narrowed: false };

    fn of_active(schemes: &[Scheme]) -> Self {
        let mut view = Self::EMPTY;
        for (index, _) in schemes.iter().enumerate().filter(|(_, scheme)| scheme.is_active()) {
            view.push(index);
        }
        view
    }

    fn iter(self) -> impl Iterator<Item = usize> + Clone {
        self.order.into_iter().take(usize::from(self.len)).map(usize::from)
    }

    const fn hides(self, index: usize) -> bool {
        index >= MAX_SCHEMES || self.hidden & (1 << index) != 0
    }

    const fn hide(&mut self, index: usize) {
        if index < MAX_SCHEMES {
            self.hidden |= 1 << index;
        }
    }

    /// At the end of the list, and no longer hidden.
    fn push(&mut self, index: usize) {
        if let (Some(slot), Ok(small)) =
            (self.order.get_mut(usize::from(self.len)), u8::try_from(index))
            && index < MAX_SCHEMES
        {
            *slot = small;
            self.len += 1;
            self.hidden &= !(1 << index);
        }
    }
}

/// How many schemes one record can hold.
pub(crate) const MAX_SCHEMES: usize = 8;
