//! Who sits at the browser, and what was decided there.

use super::{
    MockIssuer,
    consent::{ConsentStep, ConsentType},
    estate::owned,
};

/// A user at the browser who knows beforehand what to answer. They are signed in.
///
/// ```
/// use portcullis::testing::{MockIssuer, ScriptedUser, User};
///
/// let issuer = MockIssuer::builder().user(User::new("alice", "pw")).build();
/// issuer.script(ScriptedUser::new("alice").only(&["orders:read"]));
/// ```
///
/// The whole flow with PKCE (RFC 7636), as a client of somebody else's would play it:
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use std::time::Duration;
///
/// use http::Request;
/// use portcullis::testing::{
///     Client, MockIssuer, RefreshTokens, ScriptedUser, User, client::TokenResponse,
/// };
///
/// let issuer = MockIssuer::builder()
///     .require_pkce()
///     .refresh_tokens(RefreshTokens::new(Duration::from_secs(86_400)))
///     .user(User::new("alice", "pw"))
///     .client(
///         Client::new("spa")
///             .redirect_uri("https://spa.test/back")
///             .grant("authorization_code")
///             .grant("refresh_token")
///             .scopes(&["orders:read", "offline_access"]),
///     )
///     .build();
/// issuer.script(ScriptedUser::new("alice"));
///
/// // RFC 7636, appendix B
/// let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// let page = format!(
///     "{}/authorize?response_type=code&client_id=spa&redirect_uri=https://spa.test/back\
///      &scope=orders:read+offline_access&state=xyz\
///      &code_challenge={challenge}&code_challenge_method=S256",
///     issuer.url(),
/// );
/// let back = issuer.answer(Request::get(page).body(Default::default())?).await;
/// let back = back.headers()["location"].to_str()?; // …/back?code=…&state=xyz&iss=…
/// let code = back.split(['?', '&']).find_map(|pair| pair.strip_prefix("code=")).unwrap();
///
/// let form = format!(
///     "grant_type=authorization_code&client_id=spa&redirect_uri=https://spa.test/back\
///      &code={code}&code_verifier={verifier}",
/// );
/// let request = Request::post(format!("{}/token", issuer.url()))
///     .header("content-type", "application/x-www-form-urlencoded")
///     .body(form.into())?;
/// let tokens = TokenResponse::try_from(&issuer.answer(request).await.body()[..])?;
/// assert!(tokens.refresh_token.is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ScriptedUser {
    pub(super) name: String,
    pub(super) reply: Reply,
}

/// What the user says to the consent form.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    All,
    No,
    Only(Vec<String>),
}

impl ScriptedUser {
    /// This user says yes to every consent form.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), reply: Reply::All }
    }

    /// Says no.
    pub fn denies(mut self) -> Self {
        self.reply = Reply::No;
        self
    }

    /// Leaves only these scopes ticked; to none of those asked for: no.
    pub fn only(mut self, scopes: &[&str]) -> Self {
        self.reply = Reply::Only(owned(scopes));
        self
    }

    /// What is granted of what was asked for. `None`: nothing.
    pub(super) fn answer(&self, asked: &[String]) -> Option<Vec<String>> {
        match &self.reply {
            Reply::All => Some(asked.to_vec()),
            Reply::No => None,
            Reply::Only(ticked) => {
                let granted: Vec<String> =
                    asked.iter().filter(|scope| ticked.contains(scope)).cloned().collect();
                (!granted.is_empty()).then_some(granted)
            }
        }
    }
}

/// Why a user was asked, or not: one entry for each authorization request that came so far.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConsentDecision {
    /// Who asks.
    pub client: String,
    /// How it comes by consent.
    pub consent: ConsentType,
    /// Whom it concerns.
    pub subject: String,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// The authorization that covers all of it already, if there is one.
    pub found: Option<String>,
    /// What was done.
    pub step: ConsentStep,
}

/// The browser's side.
#[derive(Debug, Default)]
pub(super) struct Browser {
    pub(super) user: Option<ScriptedUser>,
    pub(super) decisions: Vec<ConsentDecision>,
}

/// The user at the browser.
impl MockIssuer {
    /// From now on this user sits at the browser.
    pub fn script(&self, user: ScriptedUser) {
        self.state().browser.user = Some(user);
    }

    /// From now on nobody does: authorization requests end with `login_required`. So it begins.
    pub fn script_nobody(&self) {
        self.state().browser.user = None;
    }

    /// What was decided about consent, in order: why a form was shown, or why not.
    ///
    /// ```
    /// use portcullis::testing::MockIssuer;
    ///
    /// assert!(MockIssuer::new().consent_decisions().is_empty());
    /// ```
    #[must_use]
    pub fn consent_decisions(&self) -> Vec<ConsentDecision> {
        self.state().browser.decisions.clone()
    }
}
