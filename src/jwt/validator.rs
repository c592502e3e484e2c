//! The validator of JWT access tokens.

use std::{collections::HashMap, fmt, slice, sync::Arc};

use zeroize::Zeroizing;

use super::{
    Algorithm, FoundKeys, Key, KeySource,
    jwe::{Decryption, Opened},
    jws::{Compact, Header, HeaderBuffer, PayloadBuffer, does_not_fit, malformed},
    known_headers::KnownHeaders,
    rules::Rules,
    static_keys::MOST_TRIES,
};
use crate::{
    attempt::Attempt,
    claims::{Claim, Claims},
    clock::Clock,
    error::{AuthError, AuthErrorKind, BuildError, printable},
    principal::{Identity, IdentityBuilder, Origin},
    token::{Presented, TokenValidator},
};

/// Validates JWT access tokens of one issuer, or of [several](Self::several), on this machine.
///
/// In this order, cheap checks before dear ones, and nothing of the claims is believed before the
/// signature is good:
///
/// 1. length, alphabet, three segments;
/// 2. the header: strict JSON, `alg` in the list, `typ`, no `crit`;
/// 3. the key, by `kid` and `alg`;
/// 4. the signature over the octets as received;
/// 5. the claims, in one pass: `iss`, `aud`, `exp`, `nbf`, `iat`, `cnf`, and what the
///    [`Profile`](super::Profile) requires.
///
/// An encrypted token is opened first, where there are
/// [decryption keys](super::JwtValidatorBuilder::decryption_keys); what is inside is judged as above,
/// and must be signed.
///
/// It does NOT fetch what a header points to, or ask the issuer whether the token was revoked.
///
/// ```
/// use portcullis::jwt::{Algorithm, JwtValidator, StaticKeys};
///
/// let validator = JwtValidator::builder(StaticKeys::hmac(Algorithm::HS256, &[7; 32][..])?)
///     .issuer("https://login.example")
///     .audience("https://api.example")
///     .algorithms([Algorithm::HS256])
///     .build()?;
/// assert_eq!(format!("{validator:?}"), r#"JwtValidator(["https://login.example"])"#);
/// # Ok::<(), portcullis::BuildError>(())
/// ```
///
/// A clone is a reference count.
#[derive(Clone)]
pub struct JwtValidator(Issuers);

#[derive(Clone)]
enum Issuers {
    One(Arc<Issuer>),
    Several(Arc<Several>),
}

struct Several {
    by_iss: HashMap<Box<str>, Arc<Issuer>>,
    /// Those of all of them, in the order of the validators: an encrypted token does not say whose
    /// it is.
    decryption: Decryption,
    max_token_bytes: usize,
    /// That of the first validator.
    clock: Arc<dyn Clock>,
    known_headers: KnownHeaders,
}

/// All that belongs to one issuer. What one issuer allows says nothing about another.
pub(super) struct Issuer {
    pub(super) keys: Arc<dyn KeySource>,
    pub(super) decryption: Decryption,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) rules: Rules,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) max_token_bytes: usize,
    pub(super) known_headers: KnownHeaders,
}

impl JwtValidator {
    pub(super) fn new(issuer: Issuer) -> Self {
        Self(Issuers::One(Arc::new(issuer)))
    }

    /// Validators of several issuers behind one: each keeps its own keys, algorithms, profile and
    /// audience. The `iss` claim chooses among them, by exact comparison; it is read before the
    /// signature is checked, and believed only after. An unknown issuer costs no key lookup.
    ///
    /// # Errors
    /// There is none, or two for one issuer; or all together have more than four decryption keys of one
    /// algorithm, where clones of a key count once.
    pub fn several(validators: impl IntoIterator<Item = Self>) -> Result<Self, BuildError> {
        let (mut by_iss, mut clock) = (HashMap::new(), None);
        let mut decryption = Decryption::default();
        for validator in validators {
            clock.get_or_insert_with(|| validator.clock());
            decryption.join(validator.decryption());
            let issuers: Vec<(Box<str>, Arc<Issuer>)> = match validator.0 {
                Issuers::One(issuer) => {
                    let names = [Some(&issuer.rules.issuer), issuer.rules.issuer_variant.as_ref()];
                    names.into_iter().flatten().map(|it| (it.clone(), issuer.clone())).collect()
                }
                Issuers::Several(several) => {
                    several.by_iss.iter().map(|(name, it)| (name.clone(), it.clone())).collect()
                }
            };
            for (name, issuer) in issuers {
                if by_iss.contains_key(&name) {
                    let problem = format!("two validators for {name}; keep one");
                    return Err(BuildError::invalid("issuer", problem));
                }
                by_iss.insert(name, issuer);
            }
        }
        let longest = by_iss.values().map(|issuer| issuer.max_token_bytes).max();
        let (Some(max_token_bytes), Some(clock)) = (longest, clock) else {
            return Err(BuildError::invalid("issuer", "there is no validator; give at least one"));
        };
        decryption.check()?;
        let known_headers = KnownHeaders::default();
        let several = Several { by_iss, decryption, max_token_bytes, clock, known_headers };
        Ok(Self(Issuers::Several(Arc::new(several))))
    }

    /// As far as it goes without waiting.
    fn begin(&self, token: &str) -> Result<Progress, AuthError> {
        check_length(token, self.max_token_bytes())?;
        match Compact::split(token) {
            Ok(compact) => self.begin_signed(token, &compact, None),
            Err(error) if error.kind() == AuthErrorKind::EncryptedTokenNoKey => {
                self.begin_encrypted(token, error)
            }
            Err(error) => Err(error),
        }
    }

    fn begin_encrypted(&self, token: &str, no_key: AuthError) -> Result<Progress, AuthError> {
        let opened = self.decryption().open(token, no_key)?;
        match self.begin_signed(opened.token(), &opened.compact()?, Some(&opened))? {
            Progress::Done(identity) => {
                opened.agrees_with(&identity)?;
                Ok(Progress::Done(identity))
            }
            Progress::Waiting(issuer, keys, _) => {
                Ok(Progress::Waiting(issuer, keys, Some(Box::new(opened))))
            }
        }
    }

    fn begin_signed(
        &self,
        token: &str,
        compact: &Compact<'_>,
        opened: Option<&Opened>,
    ) -> Result<Progress, AuthError> {
        if let Some(header) = self.known_headers().find(compact) {
            return self.judge(token, compact, header, opened);
        }
        let mut buffer = HeaderBuffer::new();
        let header = compact.header(&mut buffer)?;
        let progress = self.judge(token, compact, &header, opened)?;
        if let Progress::Done(_) = progress {
            self.known_headers().note(compact, &header);
        }
        Ok(progress)
    }

    fn judge(
        &self,
        token: &str,
        compact: &Compact<'_>,
        header: &Header<'_>,
        opened: Option<&Opened>,
    ) -> Result<Progress, AuthError> {
        match &self.0 {
            Issuers::One(issuer) => {
                issuer.decryption.admits(opened, &issuer.rules.profile.types)?;
                let algorithm = issuer.accept(compact, header)?;
                match issuer.find(header, algorithm).into_ready() {
                    Ok(found) => issuer
                        .prove_and_read(compact, header, algorithm, found, origin(opened))
                        .map(Progress::Done),
                    Err(keys) => Ok(Progress::Waiting(issuer.clone(), keys, None)),
                }
            }
            Issuers::Several(several) => {
                let mut buffer = PayloadBuffer::new();
                let claims = parse_claims(compact.payload_in(&mut buffer)?)?;
                let issuer = several.choose(&claims)?;
                check_length(token, issuer.max_token_bytes)?;
                issuer.decryption.admits(opened, &issuer.rules.profile.types)?;
                let algorithm = issuer.accept(compact, header)?;
                match issuer.find(header, algorithm).into_ready() {
                    Ok(found) => {
                        let found = found.map_err(|error| name_the_kid(error, header))?;
                        let key = prove(compact, algorithm, &found)?;
                        let identity = issuer.read(header, &claims, key, origin(opened))?;
                        Ok(Progress::Done(identity.claims_in(compact.token()).build()))
                    }
                    Err(keys) => Ok(Progress::Waiting(issuer.clone(), keys, None)),
                }
            }
        }
    }

    fn decryption(&self) -> &Decryption {
        match &self.0 {
            Issuers::One(issuer) => &issuer.decryption,
            Issuers::Several(several) => &several.decryption,
        }
    }

    fn known_headers(&self) -> &KnownHeaders {
        match &self.0 {
            Issuers::One(issuer) => &issuer.known_headers,
            Issuers::Several(several) => &several.known_headers,
        }
    }

    fn max_token_bytes(&self) -> usize {
        match &self.0 {
            Issuers::One(issuer) => issuer.max_token_bytes,
            Issuers::Several(several) => several.max_token_bytes,
        }
    }
}

enum Progress {
    Done(Identity),
    Waiting(Arc<Issuer>, Attempt<Result<FoundKeys, AuthError>>, Option<Box<Opened>>),
}

impl TokenValidator for JwtValidator {
    fn validate(&self, presented: Presented<'_>) -> Attempt<Result<Identity, AuthError>> {
        match self.begin(presented.token()) {
            Ok(Progress::Done(identity)) => Attempt::ready(Ok(identity)),
            Ok(Progress::Waiting(issuer, keys, Some(opened))) => Attempt::pending(async move {
                let identity = issuer.resume(opened.token(), keys.await, Origin::EncryptedJwt)?;
                opened.agrees_with(&identity)?;
                Ok(identity)
            }),
            Ok(Progress::Waiting(issuer, keys, None)) => {
                let token = Zeroizing::new(presented.token().to_owned());
                Attempt::pending(async move { issuer.resume(&token, keys.await, Origin::Jwt) })
            }
            Err(error) => Attempt::ready(Err(error)),
        }
    }

    fn clock(&self) -> Arc<dyn Clock> {
        match &self.0 {
            Issuers::One(issuer) => Arc::clone(&issuer.clock),
            Issuers::Several(several) => Arc::clone(&several.clock),
        }
    }
}

impl fmt::Debug for JwtValidator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut issuers: Vec<&str> = match &self.0 {
            Issuers::One(issuer) => vec![&issuer.rules.issuer],
            Issuers::Several(several) => several.by_iss.keys().map(AsRef::as_ref).collect(),
        };
        issuers.sort_unstable();
        write!(f, "JwtValidator({issuers:?})")
    }
}

impl Several {
    fn choose(&self, claims: &Claims<'_>) -> Result<&Arc<Issuer>, AuthError> {
        let iss = match &claims.iss {
            Claim::Present(iss) => iss,
            Claim::Absent => {
                return Err(
                    AuthError::new(AuthErrorKind::MissingClaim).with_detail("iss is missing")
                );
            }
            Claim::Malformed => return Err(malformed("iss is not a string")),
        };
        self.by_iss.get(&**iss).ok_or_else(|| {
            AuthError::new(AuthErrorKind::WrongIssuer).with_detail(format_args!(
                "expected one of {} issuers, found {}",
                self.by_iss.len(),
                printable(iss, 100)
            ))
        })
    }
}

impl Issuer {
    /// What the header alone can refuse.
    fn accept(&self, compact: &Compact<'_>, header: &Header<'_>) -> Result<Algorithm, AuthError> {
        let algorithm = header.algorithm(&self.algorithms)?;
        self.rules.check_header(header, || {
            let payload = compact.payload().unwrap_or_default();
            Claims::parse(&payload).is_ok_and(|claims| claims.looks_like_id_token)
        })?;
        if !compact.has_payload() {
            return Err(malformed("the payload is empty"));
        }
        Ok(algorithm)
    }

    fn find(
        &self,
        header: &Header<'_>,
        algorithm: Algorithm,
    ) -> Attempt<Result<FoundKeys, AuthError>> {
        self.keys.find(header.kid.as_deref(), algorithm)
    }

    /// The way to go on once the keys are there.
    fn resume(
        &self,
        token: &str,
        found: Result<FoundKeys, AuthError>,
        origin: Origin,
    ) -> Result<Identity, AuthError> {
        let compact = Compact::split(token)?;
        let mut buffer = HeaderBuffer::new();
        let header = compact.header(&mut buffer)?;
        let algorithm = header.algorithm(&self.algorithms)?;
        self.prove_and_read(&compact, &header, algorithm, found, origin)
    }

    fn prove_and_read(
        &self,
        compact: &Compact<'_>,
        header: &Header<'_>,
        algorithm: Algorithm,
        found: Result<FoundKeys, AuthError>,
        origin: Origin,
    ) -> Result<Identity, AuthError> {
        let found = found.map_err(|error| name_the_kid(error, header))?;
        let key = prove(compact, algorithm, &found)?;
        let mut buffer = PayloadBuffer::new();
        let claims = parse_claims(compact.payload_in(&mut buffer)?)?;
        let identity = self.read(header, &claims, key, origin)?;
        Ok(identity.claims_in(compact.token()).build())
    }

    /// Judges the claims, proven by this key.
    fn read(
        &self,
        header: &Header<'_>,
        claims: &Claims<'_>,
        key: &Key,
        origin: Origin,
    ) -> Result<IdentityBuilder, AuthError> {
        let mut identity = self.rules.judge(header, claims, self.clock.now())?.origin(origin);
        if let Some(kid) = key.jwk().kid() {
            identity = identity.key_id(kid);
        }
        if let Some(lease) = key.lease() {
            identity = identity.lease(lease.clone());
        }
        if let Some(until) = key.fresh_until() {
            identity = identity.fresh_until(until);
        }
        Ok(identity)
    }
}

const fn origin(opened: Option<&Opened>) -> Origin {
    if opened.is_some() { Origin::EncryptedJwt } else { Origin::Jwt }
}

/// The key that signed. A source may err, so each key is asked again whether it fits.
fn prove<'k>(
    compact: &Compact<'_>,
    algorithm: Algorithm,
    found: &'k FoundKeys,
) -> Result<&'k Key, AuthError> {
    let keys = match found {
        FoundKeys::One(key) => slice::from_ref(key),
        FoundKeys::Several(keys) => keys,
    };
    let Some(first) = keys.first() else {
        return Err(AuthErrorKind::UnknownKey.into());
    };
    let mut fitting =
        keys.iter().take(MOST_TRIES).filter(|key| key.jwk().fits(algorithm)).peekable();
    if fitting.peek().is_none() {
        return Err(does_not_fit(first.jwk(), algorithm));
    }
    for key in fitting {
        if compact.is_signed_by(key.jwk(), algorithm)? {
            return Ok(key);
        }
    }
    Err(AuthErrorKind::BadSignature.into())
}

/// For a source that did not say which key it did not find.
fn name_the_kid(error: AuthError, header: &Header<'_>) -> AuthError {
    match &header.kid {
        Some(kid) if error.kind() == AuthErrorKind::UnknownKey && error.detail().is_none() => {
            error.with_detail(format_args!("no key has the kid {:?}", printable(kid, 64)))
        }
        _ => error,
    }
}

fn parse_claims(payload: &[u8]) -> Result<Claims<'_>, AuthError> {
    Claims::parse(payload)
        .map_err(|error| malformed(&format!("the claims are not strict JSON: {error}")))
}

fn check_length(token: &str, limit: usize) -> Result<(), AuthError> {
    if token.len() <= limit {
        return Ok(());
    }
    Err(AuthError::new(AuthErrorKind::TokenTooLong)
        .with_detail(format_args!("{} bytes, max_token_bytes is {limit}", token.len())))
}

#[cfg(test)]
mod tests;
