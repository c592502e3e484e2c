//! Who is sent to the login page, with which way back, and who never is.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, SET_COOKIE, WWW_AUTHENTICATE};
use http::{HeaderValue, Request, Response, StatusCode};
use portcullis::policy::PolicyExt;
use portcullis::rejection::ChallengeWith;
use portcullis::scheme::{
    Compat, CookieScheme, CrossSiteGuard, LoginPages, PublicOrigin, ReturnUrl, TicketCookie,
};
use portcullis::token::Renewed;
use portcullis::{
    AuthenticateLayer, Authentication, Bearer, BuildError, Cookies, ProblemDetails, Scheme,
    SchemeName, policy,
};
use tower::util::MapRequestLayer;
use tower::{Layer as _, ServiceBuilder, ServiceExt as _, service_fn};

use super::ledger::{self, Row};
use crate::support::fixed::{
    Answer, Body, Expected, Fixed, Handler, NO_STORE, W0, ok, send, send_to, with_headers,
};
use crate::support::session::{Tickets, WC, set_cookies};

chapter! {
    async fn who_is_redirected;
    async fn what_the_way_back_is;
    async fn never_in_circles;
    async fn known_and_may_not;
    async fn some_refusals_are_no_redirect;
    async fn katana_redirects_whoever_asks;
    async fn where_the_service_is_seen;
    async fn a_handlers_own_401;
    async fn a_handlers_challenge;
    async fn a_handlers_challenge_leads_on;
    async fn challenges_add_up;
    async fn after_signing_in_and_out;
    async fn the_word_of_a_stranger_leads_nowhere_else;
    fn no_browser_is_led_away;
    async fn a_router_between_two_gates;
    async fn extractors_send_to_the_login_page;
    async fn a_scheme_of_your_own;
    async fn both_at_once_never_redirect;
    async fn routes_for_programs_redirect_nobody;
    fn login_csrf_is_told;
    fn pages_that_cannot_be;
    fn own_origin_of_the_guard;
}

type Cookie = CookieScheme<Tickets>;

/// A bearer and a cookie, whose users sign in at `/login`.
fn gate(change: impl FnOnce(Cookie) -> Cookie) -> AuthenticateLayer {
    let cookie = Scheme::cookie(Cookies, "Auth", Tickets::default()).login_path("/login");
    let bearer = Scheme::bearer(Bearer, Fixed::default());
    AuthenticateLayer::new((bearer, change(cookie))).unwrap()
}

const HTML: &str = "accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8";
const NAVIGATE: &str = "sec-fetch-mode: navigate";
const FORM: &str = "content-type: application/x-www-form-urlencoded";
const XHR: &str = "x-requested-with: XMLHttpRequest";

/// What becomes of a request that a page's requirement refuses.
#[derive(Clone, Copy, Debug)]
enum Then {
    /// 302, and where.
    To(&'static str),
    /// 401, and a script is told where.
    Told(&'static str),
    /// This status, and no word of a login page.
    Stays(u16),
}
use Then::{Stays, To, Told};

#[track_caller]
fn is(answer: &Answer, then: Then) {
    let rejection = answer.rejection.as_ref().expect("a refusal");
    let location = answer.headers.iter().find_map(|line| line.strip_prefix("location: "));
    let challenges = answer.headers.iter().filter(|it| it.starts_with("www-authenticate"));
    let told = rejection.location().map(|it| it.to_str().unwrap());
    assert_eq!((location, rejection.status().as_u16()), (told, answer.status));
    assert!(answer.headers.iter().any(|line| line.starts_with(NO_STORE)), "{answer:?}");
    match then {
        To(url) => {
            assert_eq!((answer.status, location), (302, Some(url)), "{answer:?}");
            assert_eq!((challenges.count(), rejection.challenges()), (0, &[][..]), "R5");
            assert_eq!((rejection.login(), answer.body.len()), (None, 0));
        }
        Told(url) => {
            assert_eq!((answer.status, location, rejection.login()), (401, None, Some(url)));
            assert!(challenges.count() > 0, "R3");
        }
        Stays(status) => {
            assert_eq!((answer.status, location, rejection.login()), (status, None, None));
            assert_eq!(challenges.count() > 0, status == 401 || status == 400, "{answer:?}");
        }
    }
}

/// `L13/port` is one more case of `L13`. The name is printed for whoever looks for a row that failed.
fn listed(name: &str) -> &str {
    println!("{name}");
    name.split('/').next().unwrap()
}

struct Asks {
    id: &'static str,
    method: &'static str,
    headers: &'static [&'static str],
    then: Then,
}

impl Row for Asks {
    fn id(&self) -> &str {
        listed(self.id)
    }
}

const fn asks(
    id: &'static str,
    method: &'static str,
    headers: &'static [&'static str],
    then: Then,
) -> Asks {
    Asks { id, method, headers, then }
}

const BACK: &str = "/login?ReturnUrl=%2Fpage%3Fid%3D7";

const ASKS: &[Asks] = &[
    asks("6265-15 9700-11", "GET", &[HTML, NAVIGATE], To(BACK)),
    // browsers say nothing of an origin that they do not trust, and old ones never
    asks("6265-15/no-metadata", "GET", &[HTML], To(BACK)),
    asks("6265-15/text/*", "GET", &["accept: application/xml, TEXT/*;q=0.1"], To(BACK)),
    asks("6265-15/second-line", "GET", &["accept: image/png", "accept: text/html"], To(BACK)),
    asks("6265-15/head", "HEAD", &[HTML, NAVIGATE], To(BACK)),
    asks("6265-15/frame", "GET", &[HTML, NAVIGATE, "sec-fetch-dest: iframe"], To(BACK)),
    asks("6265-15/webview", "GET", &[HTML, "x-requested-with: com.app"], To(BACK)),
    asks("6265-15/bad-cookie", "GET", &[HTML, "cookie: Auth=TicketExpired"], To(BACK)),
    // two cookies of one name are no session (reading 7)
    asks("6265-15/two-cookies", "GET", &[HTML, "cookie: Auth=alice; Auth=bob"], To(BACK)),
    // a form, which does not come back by GET (row 114)
    asks("L14", "POST", &[HTML, NAVIGATE, FORM], To("/login")),
    asks(
        "6265-15/upload",
        "POST",
        &[HTML, "content-type: Multipart/Form-Data; boundary=x"],
        To("/login"),
    ),
    asks("6265-15/empty-form", "POST", &[HTML, NAVIGATE], To("/login")),
    // everything else is told the truth
    asks("6265-15/json-post", "POST", &[HTML, "content-type: application/json"], Stays(401)),
    asks("6265-15/put", "PUT", &[HTML, FORM], Stays(401)),
    asks("6265-15/delete", "DELETE", &[HTML, NAVIGATE], Stays(401)),
    asks("6265-15/options", "OPTIONS", &[HTML, NAVIGATE], Stays(401)),
    asks("6265-15/api", "GET", &["accept: application/json"], Stays(401)),
    asks("6265-15/any", "GET", &["accept: */*"], Stays(401)),
    asks("6265-15/any-navigate", "GET", &["accept: */*", NAVIGATE], Stays(401)),
    asks("6265-15/no-accept", "GET", &[], Stays(401)),
    asks("6265-15/not-html", "GET", &["accept: text/html; q=0.0, */*"], Stays(401)),
    asks("6265-15/html5", "GET", &["accept: text/html5, text/htm"], Stays(401)),
    asks("6265-15/token", "GET", &[HTML, NAVIGATE, "authorization: Bearer Expired"], Stays(401)),
    asks("6265-15/basic", "GET", &[HTML, "authorization: Basic eA=="], Stays(401)),
    asks(
        "6265-15/upgrade",
        "GET",
        &[HTML, "connection: upgrade", "upgrade: websocket"],
        Stays(401),
    ),
    // scripts are told where it is
    asks("6265-15/xhr", "GET", &[HTML, XHR], Told(BACK)),
    asks(
        "6265-15/xhr-case",
        "GET",
        &[HTML, NAVIGATE, "x-requested-with: xmlhttprequest"],
        Told(BACK),
    ),
    asks("6265-15/xhr-token", "GET", &[XHR, "authorization: Bearer Expired"], Told(BACK)),
    asks("6265-15/xhr-post", "POST", &[XHR, FORM], Told("/login")),
    asks("6265-15/cors", "GET", &[HTML, "sec-fetch-mode: cors"], Told(BACK)),
    asks("6265-15/same-origin", "GET", &[HTML, "sec-fetch-mode: same-origin"], Told(BACK)),
    asks("6265-15/image", "GET", &["accept: image/*", "sec-fetch-mode: no-cors"], Told(BACK)),
    asks("6265-15/two-modes", "GET", &[HTML, NAVIGATE, "sec-fetch-mode: cors"], Told(BACK)),
];

async fn who_is_redirected() {
    ledger::table_async(ASKS, async |row| {
        let request = || with_headers(row.method, "/page?id=7", row.headers);
        let gate = gate(|cookie| cookie);
        let any = gate.require(policy::any_scheme()).unwrap();
        let answer = send(ServiceBuilder::new().layer(&gate).layer(any), request()).await;
        is(&answer, row.then);

        let problem = gate.require(policy::authenticated()).unwrap().respond_with(ProblemDetails);
        let answer = send(ServiceBuilder::new().layer(&gate).layer(problem), request()).await;
        is(&answer, row.then);
        let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        match row.then {
            To(_) => assert!(body.is_null()),
            Told(url) => assert_eq!((&body["login"], &body["status"]), (&url.into(), &401.into())),
            Stays(status) => {
                assert_eq!(body["status"], status);
                assert!(body.get("login").is_none());
            }
        }

        // a route that wants the cookie behaves alike, and one that wants a token redirects nobody
        let cookie = gate.require(policy::scheme(Cookies)).unwrap();
        let hidden = gate.suppress_all_but((Bearer, Cookies)).unwrap();
        let stack = ServiceBuilder::new().layer(&gate).layer(hidden).layer(cookie);
        is(&send(stack, request()).await, row.then);
        let bearer = gate.require(policy::scheme(Bearer)).unwrap();
        is(&send(ServiceBuilder::new().layer(&gate).layer(bearer), request()).await, Stays(401));

        // what the gate would say, as a value
        let parts = request().into_parts().0;
        let rejection = gate.explain(&parts).await.rejection;
        assert!(rejection.is_none(), "the gate refuses nothing");
    })
    .await;

    // a scheme without a page redirects nobody, and neither does one that nobody asked
    let bare = AuthenticateLayer::new((Scheme::cookie(Cookies, "Auth", Tickets::default()),));
    let bare = bare.unwrap();
    let require = bare.require(policy::scheme(Cookies)).unwrap();
    let answer = send(ServiceBuilder::new().layer(bare).layer(require), page("/")).await;
    is(&answer, Stays(401));
    let passive = gate(CookieScheme::passive);
    let require = passive.require(policy::authenticated()).unwrap();
    let answer = send(ServiceBuilder::new().layer(&passive).layer(require), page("/")).await;
    is(&answer, Stays(401));
    let require = passive.require(policy::scheme(Cookies)).unwrap();
    let answer = send(ServiceBuilder::new().layer(&passive).layer(require), page("/")).await;
    is(&answer, To("/login?ReturnUrl=%2F"));

    // a call by gRPC is answered as such, whatever it accepts
    let gate = gate(|cookie| cookie);
    let require = gate.require(policy::scheme(Cookies)).unwrap();
    let request = with_headers("POST", "/a.B/C", &[HTML, "content-type: application/grpc"]);
    let answer = send(ServiceBuilder::new().layer(gate).layer(require), request).await;
    assert_eq!(answer.status, 200);
    assert!(answer.headers.contains(&"grpc-status: 16".to_owned()), "{answer:?}");
}

/// A navigation.
fn page(uri: &str) -> Request<Body> {
    with_headers("GET", uri, &[HTML, NAVIGATE])
}

/// What a navigation is answered behind this gate, where the cookie is wanted.
async fn asked(gate: &AuthenticateLayer, request: Request<Body>) -> Answer {
    let require = gate.require(policy::scheme(Cookies)).unwrap();
    send(ServiceBuilder::new().layer(gate).layer(require), request).await
}

struct Way {
    id: &'static str,
    uri: &'static str,
    change: fn(Cookie) -> Cookie,
    then: Then,
}

impl Row for Way {
    fn id(&self) -> &str {
        listed(self.id)
    }
}

const fn way(id: &'static str, uri: &'static str, change: fn(Cookie) -> Cookie, then: Then) -> Way {
    Way { id, uri, change, then }
}

const AS_IT_IS: fn(Cookie) -> Cookie = |cookie| cookie;

const WAYS: &[Way] = &[
    way("9700-12/root", "/", AS_IT_IS, To("/login?ReturnUrl=%2F")),
    way(
        "9700-12/escapes",
        "/a%20b?x=1&y=z+%2B",
        AS_IT_IS,
        To("/login?ReturnUrl=%2Fa%2520b%3Fx%3D1%26y%3Dz%2B%252B"),
    ),
    way(
        "9700-12/parameter",
        "/page",
        |cookie| cookie.return_parameter("next"),
        To("/login?next=%2Fpage"),
    ),
    way(
        "L15",
        "/page",
        |cookie| cookie.base_path("/app"),
        To("/app/login?ReturnUrl=%2Fapp%2Fpage"),
    ),
    way(
        "9700-12/deep-page",
        "/page",
        |cookie| cookie.login_path("/Account/Login"),
        To("/Account/Login?ReturnUrl=%2Fpage"),
    ),
    // the host of an absolute request is its sender's word (9700-12)
    way("9700-12/absolute", "http://evil.test/page?id=7", AS_IT_IS, To(BACK)),
    // where the way back leads elsewhere for some reader, there is none
    way("9700-12/slashes", "//evil.test/page", AS_IT_IS, To("/login")),
    way("9700-12/backslash", "/\\evil.test", AS_IT_IS, To("/login")),
    way("9700-12/escaped-backslash", "/%5Cevil.test", AS_IT_IS, To("/login")),
    way("9700-12/tab", "/%09/evil.test", AS_IT_IS, To("/login")),
    way("9700-12/line-break", "/a?b=%0D%0AX:y", AS_IT_IS, To("/login")),
];

async fn what_the_way_back_is() {
    ledger::table_async(WAYS, async |row| {
        is(&asked(&gate(row.change), page(row.uri)).await, row.then);
    })
    .await;

    // what is asked for may be long; the way back is not (CK-13)
    let gate = gate(|cookie| cookie);
    let at_the_limit = format!("/{}", "a".repeat(2_047));
    let answer = asked(&gate, page(&at_the_limit)).await;
    let location = answer.rejection.unwrap().location().unwrap().clone();
    assert_eq!(location, format!("/login?ReturnUrl=%2F{}", "a".repeat(2_047)).as_str());
    is(&asked(&gate, page(&format!("{at_the_limit}a"))).await, To("/login"));
    let mut nested = "/page?".to_owned() + &"a/".repeat(4 << 10);
    for _ in 0..5 {
        nested = format!("/x?back={}", nested.replace('/', "%2F"));
        let answer = asked(&gate, page(&nested)).await;
        is(&answer, To("/login"));
    }
}

async fn never_in_circles() {
    const ROWS: &[Way] = &[
        // the way back stands there already: somebody came from the login page, or goes there
        way("F17", "/page?x=1&ReturnUrl=/a", AS_IT_IS, Stays(401)),
        way("F17/empty", "/page?ReturnUrl", AS_IT_IS, Stays(401)),
        way("F17/case", "/page?returnurl=%2Fa", AS_IT_IS, Stays(401)),
        way("F17/escaped", "/page?%52eturnUrl=%2Fa", AS_IT_IS, Stays(401)),
        way(
            "F17/other-name",
            "/page?ReturnUrl=/a",
            |cookie| cookie.return_parameter("next"),
            To("/login?next=%2Fpage%3FReturnUrl%3D%2Fa"),
        ),
        way(
            "F17/in-a-value",
            "/page?a=ReturnUrl&b=MyReturnUrl",
            AS_IT_IS,
            To("/login?ReturnUrl=%2Fpage%3Fa%3DReturnUrl%26b%3DMyReturnUrl"),
        ),
        // the login page itself wants a login
        way("CK-13", "/login", AS_IT_IS, Stays(401)),
        way("CK-13/case", "/LOGIN?x=1", AS_IT_IS, Stays(401)),
        way("CK-13/base", "/login", |cookie| cookie.base_path("/app"), Stays(401)),
        way("CK-13/katana", "/login", |cookie| cookie.compat(Compat::Katana), Stays(401)),
        way("CK-13/not-it", "/login/help", AS_IT_IS, To("/login?ReturnUrl=%2Flogin%2Fhelp")),
    ];
    ledger::table_async(ROWS, async |row| {
        is(&asked(&gate(row.change), page(row.uri)).await, row.then);
    })
    .await;
}

async fn known_and_may_not() {
    let gate = gate(|cookie| cookie.access_denied_path("/denied"));
    let staff = || gate.require(policy::role("staff")).unwrap();
    let ask = async |method, uri, headers: &[&str]| {
        send(ServiceBuilder::new().layer(&gate).layer(staff()), with_headers(method, uri, headers))
            .await
    };
    let alice = "cookie: Auth=alice";
    // R8: to the page for those who may not, by navigation alone, and without a way back
    is(&ask("GET", "/page?id=7", &[HTML, NAVIGATE, alice]).await, To("/denied"));
    is(&ask("POST", "/page", &[HTML, FORM, alice]).await, To("/denied"));
    for headers in [&[alice][..], &[HTML, XHR, alice], &[HTML, "sec-fetch-mode: cors", alice]] {
        is(&ask("GET", "/page", headers).await, Stays(403));
    }
    // not in circles, and whoever is not signed in signs in first
    is(&ask("GET", "/denied", &[HTML, alice]).await, Stays(403));
    is(&ask("GET", "/page", &[HTML]).await, To("/login?ReturnUrl=%2Fpage"));
    // a token that may not is nobody's navigation
    is(&ask("GET", "/page", &[HTML, "authorization: Bearer bob"]).await, Stays(403));
    let answer = ask("GET", "/page", &[HTML, alice]).await;
    assert!(!answer.rejection.unwrap().is_unauthenticated());

    // without such a page a 403 stays, and never leads to the login page
    let gate = self::gate(|cookie| cookie);
    let staff = gate.require(policy::scheme(Cookies).and(policy::scope("x"))).unwrap();
    let request = with_headers("GET", "/page", &[HTML, NAVIGATE, alice]);
    is(&send(ServiceBuilder::new().layer(&gate).layer(staff), request).await, Stays(403));
}

async fn some_refusals_are_no_redirect() {
    let gate =
        gate(|cookie| cookie.access_denied_path("/denied").guard(CrossSiteGuard::new()).vary());
    let any = || gate.require(policy::any_scheme()).unwrap();
    let ask = async |method, headers: &[&str]| {
        let stack = ServiceBuilder::new().layer(&gate).layer(any());
        send(stack, with_headers(method, "/page", headers)).await
    };
    // another site's form, with the cookie (403): signing in again would not mend it
    is(
        &ask("POST", &[HTML, FORM, "cookie: Auth=alice", "origin: https://evil.test"]).await,
        Stays(403),
    );
    // what could not be found out (503) is not a "no"
    is(&ask("GET", &[HTML, "cookie: Auth=IssuerUnreachable"]).await, Stays(503));
    is(&ask("GET", &[HTML, "cookie: Auth=IntrospectionRefused"]).await, Stays(500));
    // a malformed credential (400)
    let twice = &[HTML, "authorization: Bearer a", "authorization: Bearer b"];
    is(&ask("GET", twice).await, Stays(400));
    // wiring (500)
    let hidden = gate.suppress_all();
    let stack = ServiceBuilder::new().layer(&gate).layer(hidden).layer(any());
    is(&send(stack, page("/page")).await, Stays(500));
    // users who differ (401): the one who is signed in is not asked to sign in
    let same = policy::same_subject();
    let both = policy::scheme(Bearer).and(policy::scheme(Cookies)).and(same);
    let both = gate.require(both).unwrap();
    let headers = &[HTML, XHR, "cookie: Auth=alice", "authorization: Bearer bob"];
    let stack = ServiceBuilder::new().layer(&gate).layer(both);
    is(&send(stack, with_headers("GET", "/page", headers)).await, Stays(401));
}

async fn katana_redirects_whoever_asks() {
    const ROWS: &[Asks] = &[
        asks("6265-15/katana page", "GET", &[HTML], To(BACK)),
        asks("6265-15/katana api", "GET", &["accept: application/json"], To(BACK)),
        asks("6265-15/katana fetch", "GET", &["sec-fetch-mode: cors"], To(BACK)),
        asks("6265-15/katana token", "GET", &["authorization: Bearer Expired"], To(BACK)),
        // with the way back of the POST
        asks("6265-15/katana post", "POST", &[HTML, FORM], To(BACK)),
        asks("6265-15/katana put", "PUT", &[], To(BACK)),
        // never what is no habit but a hole, or not to be read by anybody
        asks("6265-15/katana malformed", "GET", &[HTML, "authorization: Bearer"], Stays(400)),
        asks("6265-15/katana down", "GET", &[HTML, "cookie: Auth=IssuerUnreachable"], Stays(503)),
        asks("6265-15/katana upgrade", "GET", &["upgrade: websocket"], Stays(401)),
    ];
    let gate = gate(|cookie| cookie.compat(Compat::Katana));
    let any = || gate.require(policy::any_scheme()).unwrap();
    let ask = async |method, uri, headers| {
        let stack = ServiceBuilder::new().layer(&gate).layer(any());
        send(stack, with_headers(method, uri, headers)).await
    };
    ledger::table_async(ROWS, async |row| {
        is(&ask(row.method, "/page?id=7", row.headers).await, row.then);
    })
    .await;

    let json = r#"x-responded-json: {"status":401,"headers":{"location":"\/login?ReturnUrl="#;
    for (uri, headers, back) in [
        ("/page", &[XHR][..], r#"%2Fpage"}}"#),
        (
            "/page?X-Requested-With=XMLHttpRequest",
            &[],
            r#"%2Fpage%3FX-Requested-With%3DXMLHttpRequest"}}"#,
        ),
    ] {
        let answer = ask("GET", uri, headers).await;
        assert_eq!((answer.status, answer.saw), (200, None));
        assert_eq!(answer.headers, [NO_STORE.to_owned(), format!("{json}{back}")]);
        let rejection = answer.rejection.unwrap();
        assert_eq!((rejection.status(), rejection.location()), (StatusCode::OK, None));
        assert!(rejection.is_unauthenticated());
    }
    // without the habit the query says nothing
    let asked =
        asked(&self::gate(|cookie| cookie), page("/?X-Requested-With=XMLHttpRequest")).await;
    assert_eq!(asked.status, 302);
}

async fn where_the_service_is_seen() {
    let fixed = || PublicOrigin::fixed("https://app.example").unwrap();
    let proto = "x-forwarded-proto: https";
    let rows = [
        // the host is the sender's word
        (None, &["host: evil.test", proto, "x-forwarded-host: evil.test"][..], ""),
        (Some(fixed()), &["host: evil.test"], "https://app.example"),
        (
            Some(PublicOrigin::forwarded()),
            &["forwarded: host=evil.test;proto=http, host=\"a.example:8443\";proto=https"],
            "https://a.example:8443",
        ),
        (Some(PublicOrigin::forwarded()), &[proto, "x-forwarded-host: evil.test"], ""),
        (Some(PublicOrigin::forwarded()), &["forwarded: host=a@evil.test;proto=https"], ""),
        (
            Some(PublicOrigin::x_forwarded()),
            &[proto, "x-forwarded-host: evil.test, app.example"],
            "https://app.example",
        ),
        (Some(PublicOrigin::x_forwarded()), &[proto, "host: evil.test"], ""),
        (Some(PublicOrigin::x_forwarded()), &["forwarded: host=evil.test;proto=https"], ""),
    ];
    for (origin, headers, expected) in rows {
        let gate = gate(|cookie| {
            let cookie = cookie.access_denied_path("/denied").base_path("/app");
            origin.into_iter().fold(cookie, CookieScheme::public_origin)
        });
        let headers: Vec<&str> = headers.iter().copied().chain([HTML]).collect();
        let answer = asked(&gate, with_headers("GET", "/page", &headers)).await;
        let location = answer.rejection.unwrap().location().unwrap().clone();
        assert_eq!(location, format!("{expected}/app/login?ReturnUrl=%2Fapp%2Fpage").as_str());

        let headers: Vec<&str> = headers.into_iter().chain(["cookie: Auth=alice"]).collect();
        let role = gate.require(policy::role("staff")).unwrap();
        let stack = ServiceBuilder::new().layer(&gate).layer(role);
        let answer = send(stack, with_headers("GET", "/page", &headers)).await;
        let location = answer.rejection.unwrap().location().unwrap().clone();
        assert_eq!(location, format!("{expected}/app/denied").as_str());
    }
}

fn unauthorized() -> Response<Body> {
    let mut response = Response::new(Body::from("the page's own words"));
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("max-age=60"));
    response
}

async fn a_handlers_own_401() {
    let gate = gate(|cookie| cookie);
    let handler = || Handler::new(unauthorized);
    // by navigation it is a redirect; the body stays, and what describes it (R17, row 135)
    let answer = send_to(&gate, handler(), page("/page?id=7")).await;
    assert_eq!((answer.status, &answer.body[..]), (302, &b"the page's own words"[..]));
    let expected = [NO_STORE, "content-type: text/plain", &format!("location: {BACK}")];
    assert_eq!(answer.headers, expected);
    // to everybody else it is challenged
    let answer = send_to(&gate, handler(), with_headers("GET", "/page", &[])).await;
    let expected = ["cache-control: max-age=60", "content-type: text/plain", W0];
    assert_eq!((answer.status, &*answer.headers), (401, &expected.map(str::to_owned)[..]));
    // with a challenge of its own it passes
    let own = Handler::new(|| {
        let mut response = unauthorized();
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("X"));
        response
    });
    let answer = send_to(&gate, own, page("/page")).await;
    assert_eq!((answer.status, answer.rejection.is_none()), (401, true));
    // where only the bearer is visible there is no redirect, further out neither
    let bearer = || gate.suppress_all_but(Bearer).unwrap();
    let stack = ServiceBuilder::new().layer(&gate).layer(bearer());
    let answer = send_to(stack, handler(), page("/page")).await;
    assert_eq!(answer.status, 401);
    assert!(answer.headers.contains(&W0.to_owned()), "{answer:?}");
    // a user who is known is not sent to sign in
    let known = with_headers("GET", "/page", &[HTML, "cookie: Auth=alice"]);
    assert_eq!(send_to(&gate, handler(), known).await.status, 401);
    // a 403 is never altered
    let forbidden = Handler::new(|| {
        let mut response = ok();
        *response.status_mut() = StatusCode::FORBIDDEN;
        response
    });
    let answer = send_to(&gate, forbidden, page("/page")).await;
    assert_eq!((answer.status, answer.headers.len()), (403, 0));
    // a cookie that another site's page sent: as one of ours is answered (403), and no redirect
    let guarded = self::gate(|cookie| cookie.guard(CrossSiteGuard::new()));
    let headers = &[HTML, FORM, "cookie: Auth=alice", "sec-fetch-site: cross-site"];
    let answer = send_to(&guarded, handler(), with_headers("POST", "/page", headers)).await;
    is(&answer, Stays(403));
    // Katana's script
    let katana = self::gate(|cookie| cookie.compat(Compat::Katana));
    let answer = send_to(&katana, handler(), with_headers("GET", "/", &[XHR])).await;
    assert_eq!((answer.status, &answer.body[..]), (200, &b"the page's own words"[..]));
}

async fn a_handlers_challenge() {
    let gate = gate(|cookie| cookie);
    let by_cookie = || Handler::new(|| ChallengeWith::new((Cookies,)).into_response());
    let bearer = || gate.suppress_all_but(Bearer).unwrap();
    let public = || ServiceBuilder::new().layer(&gate).layer(bearer());
    let staff = || public().layer(gate.require(policy::scheme(Bearer)).unwrap());
    // row 132: beside the bearer that the route names; its Wc falls by reading 5
    let request = with_headers("GET", "/page", &["authorization: Bearer alice"]);
    let answer = send_to(staff(), by_cookie(), request).await;
    assert_eq!((answer.status, &*answer.headers), (401, &[NO_STORE, W0].map(str::to_owned)[..]));
    assert_eq!(answer.rejection.unwrap().missing(), ["session"]);
    // row 133: also one that is hidden, and whose user is known
    let request = with_headers("GET", "/page", &[HTML, "cookie: Auth=alice"]);
    let answer = send_to(public(), by_cookie(), request).await;
    assert_eq!(answer.saw.as_deref(), Some(""), "the cookie stays hidden");
    is(&answer, To("/login?ReturnUrl=%2Fpage"));
    // without a route that names any, only what was said counts
    let answer = send_to(&gate, by_cookie(), with_headers("GET", "/page", &[])).await;
    assert_eq!(answer.headers, [NO_STORE, WC].map(str::to_owned));
    let by_bearer = Handler::new(|| ChallengeWith::new(Bearer).into_response());
    let answer = send_to(&gate, by_bearer, page("/page")).await;
    is(&answer, Stays(401));
    // whatever is visible
    let whatever = || Handler::new(|| ChallengeWith::new(Vec::<SchemeName>::new()).into_response());
    is(&send_to(&gate, whatever(), page("/page")).await, To("/login?ReturnUrl=%2Fpage"));
    is(&send_to(public(), whatever(), page("/page")).await, Stays(401));
    // a passive scheme acts if it is named
    let passive = self::gate(CookieScheme::passive);
    let answer = send_to(&passive, by_cookie(), page("/page")).await;
    is(&answer, To("/login?ReturnUrl=%2Fpage"));
    // a name that nobody has is left out
    let stray = || Handler::new(|| ChallengeWith::new(SchemeName::new("X")).into_response());
    is(&send_to(public(), stray(), page("/page")).await, Stays(401));
    is(&send_to(&gate, stray(), page("/page")).await, To("/login?ReturnUrl=%2Fpage"));
    // all hidden, and one named all the same
    let nobody = ServiceBuilder::new().layer(&gate).layer(gate.suppress_all());
    let answer = send_to(nobody, by_cookie(), page("/page")).await;
    is(&answer, To("/login?ReturnUrl=%2Fpage"));
    // none at all: no layer adds anything, and nobody further out
    let outer = self::gate(|cookie| cookie);
    let raw = Handler::new(|| ChallengeWith::none().into_response());
    let stack = ServiceBuilder::new().layer(outer).layer(&gate).layer(bearer());
    let answer = send_to(stack, raw, page("/page")).await;
    assert_eq!((answer.status, answer.headers.len(), answer.rejection.is_none()), (401, 0, true));
    // its own challenge, and one more
    let own = Handler::new(|| {
        let mut response = ChallengeWith::new(Cookies).into_response::<Body>();
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("X"));
        response
    });
    let answer = send_to(&gate, own.clone(), with_headers("GET", "/page", &[])).await;
    assert_eq!(answer.headers, [NO_STORE, "www-authenticate: X", WC].map(str::to_owned));
    is(&send_to(&gate, own, page("/page")).await, To("/login?ReturnUrl=%2Fpage"));
    // another status says nothing, and the word does not leave the stack
    let handler = service_fn(async |_: Request<Body>| {
        let mut response = ChallengeWith::new(Cookies).into_response::<Body>();
        *response.status_mut() = StatusCode::OK;
        Ok::<_, std::convert::Infallible>(response)
    });
    let response = gate.layer(handler).oneshot(page("/page")).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(
        response.headers().is_empty() && response.extensions().get::<ChallengeWith>().is_none()
    );
}

/// Where a handler's challenge leads.
struct Leads(&'static str, fn() -> Response<Body>, Then);

impl Row for Leads {
    fn id(&self) -> &str {
        listed(self.0)
    }
}

async fn a_handlers_challenge_leads_on() {
    const ROWS: &[Leads] = &[
        Leads("L13", || to("/custom"), To("/custom")),
        Leads("L13/query", || to("/custom?a=b#c"), To("/custom?a=b#c")),
        Leads("L13/allowed", || to("https://Login.example/x?y"), To("https://login.example/x?y")),
        Leads("L13/origin", || to("https://login.example"), To("https://login.example")),
        Leads("L13/elsewhere", || to("https://evil.test/x"), To(BACK)),
        Leads("L13/slashes", || to("//evil.test"), To(BACK)),
        Leads("L13/user", || to("https://login.example@evil.test/"), To(BACK)),
        Leads("L13/port", || to("https://login.example:8443/"), To(BACK)),
        Leads("L13/http", || to("http://login.example/"), To(BACK)),
        Leads("L13/backslash", || to("https://login.example\\@evil.test/"), To(BACK)),
        Leads("L13/line-break", || to("https://login.example/%0d%0a"), To(BACK)),
        Leads("L13/here", || to("/page?again"), To(BACK)),
    ];
    fn to(url: &str) -> Response<Body> {
        ChallengeWith::new(Cookies).redirect_to(url).into_response()
    }
    let gate = gate(|cookie| cookie.allow_redirects_to("https://login.example"));
    ledger::table_async(ROWS, async |Leads(_, answer, then)| {
        is(&send_to(&gate, Handler::new(*answer), page("/page?id=7")).await, *then);
    })
    .await;
    let custom = || to("/custom");
    // to a script and to an API it is no redirect
    let answer = send_to(&gate, Handler::new(custom), with_headers("GET", "/", &[XHR])).await;
    is(&answer, Told("/custom"));
    let answer = send_to(&gate, Handler::new(custom), with_headers("GET", "/", &[])).await;
    is(&answer, Stays(401));
}

async fn challenges_add_up() {
    let gate = gate(|cookie| cookie);
    for (recorded, then) in [
        (
            &[ChallengeWith::new(Bearer), ChallengeWith::new(Cookies)][..],
            To("/login?ReturnUrl=%2F"),
        ),
        (&[ChallengeWith::new(Cookies), ChallengeWith::new(Cookies)], To("/login?ReturnUrl=%2F")),
        // what was suppressed may be asked for later, and not the other way round
        (&[ChallengeWith::none(), ChallengeWith::new(Cookies)], To("/login?ReturnUrl=%2F")),
        (&[ChallengeWith::new(Cookies).redirect_to("/a"), ChallengeWith::new(Bearer)], To("/a")),
        (
            &[
                ChallengeWith::new(Cookies).redirect_to("/a"),
                ChallengeWith::new(Cookies).redirect_to("/b"),
            ],
            To("/b"),
        ),
    ] {
        let handler = service_fn(move |_: Request<Body>| {
            let mut response = Response::new(Body::default());
            recorded.iter().cloned().for_each(|it| it.record_in(&mut response));
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
            async { Ok::<_, std::convert::Infallible>(response) }
        });
        let response = gate.layer(handler).oneshot(page("/")).await.unwrap();
        let To(url) = then else { unreachable!() };
        assert_eq!(
            (response.status(), &response.headers()[LOCATION]),
            (StatusCode::FOUND, &HeaderValue::from_static(url))
        );
    }
    let mut response = ChallengeWith::none().into_response::<Body>();
    ChallengeWith::new(Vec::<SchemeName>::new()).record_in(&mut response);
    let handler = service_fn(move |_: Request<Body>| {
        let response = response.clone();
        async { Ok::<_, std::convert::Infallible>(response) }
    });
    let response = gate.layer(handler).oneshot(page("/")).await.unwrap();
    assert_eq!((response.status(), response.headers().len()), (StatusCode::UNAUTHORIZED, 0));
}

/// The answer of a login page.
fn answer(status: StatusCode, set: impl Fn(&TicketCookie, &mut http::HeaderMap)) -> Response<Body> {
    let cookie = TicketCookie::builder("Auth").build().unwrap();
    let mut response = Response::new(Body::from("welcome"));
    *response.status_mut() = status;
    set(&cookie, response.headers_mut());
    response
}

fn sign_in(cookie: &TicketCookie, headers: &mut http::HeaderMap) {
    cookie.issue(Default::default(), headers, &Renewed::new("alice", None)).unwrap();
}

fn sign_out(cookie: &TicketCookie, headers: &mut http::HeaderMap) {
    cookie.delete(Default::default(), headers);
}

fn signs_in() -> Response<Body> {
    answer(StatusCode::OK, sign_in)
}

fn signs_out() -> Response<Body> {
    answer(StatusCode::OK, sign_out)
}

struct Signs {
    id: &'static str,
    uri: &'static str,
    change: fn(Cookie) -> Cookie,
    handler: fn() -> Response<Body>,
    /// What its cookie is set to, if it is.
    cookie: Option<&'static str>,
    status: u16,
    location: Option<&'static str>,
}

impl Row for Signs {
    fn id(&self) -> &str {
        listed(self.id)
    }
}

const fn signs(
    id: &'static str,
    uri: &'static str,
    handler: fn() -> Response<Body>,
    cookie: &'static str,
    location: Option<&'static str>,
) -> Signs {
    let status = if location.is_some() { 302 } else { 200 };
    Signs { id, uri, change: AS_IT_IS, handler, cookie: Some(cookie), status, location }
}

const ALICE: &str = "Auth=alice";
const GONE: &str = "Auth=";

async fn after_signing_in_and_out() {
    const ROWS: &[Signs] = &[
        signs("L1", "/login?ReturnUrl=%2Freport", signs_in, ALICE, Some("/report")),
        signs(
            "L1/query",
            "/login?a=b&returnurl=/report?id=7",
            signs_in,
            ALICE,
            Some("/report?id=7"),
        ),
        signs(
            "L1/escaped",
            "/login?ReturnUrl=%2Fa%20b%3Fc%3D%C3%A4",
            signs_in,
            ALICE,
            Some("/a%20b?c=%C3%A4"),
        ),
        Signs {
            handler: || {
                let mut response = answer(StatusCode::FOUND, sign_in);
                response.headers_mut().insert(LOCATION, HeaderValue::from_static("/own"));
                response
            },
            ..signs("L2", "/login?ReturnUrl=%2Freport", signs_in, ALICE, Some("/own"))
        },
        Signs {
            handler: || answer(StatusCode::CREATED, sign_in),
            status: 201,
            ..signs("L2/exactly-200", "/login?ReturnUrl=%2Freport", signs_in, ALICE, None)
        },
        signs("L4", "/login?ReturnUrl=/", signs_in, ALICE, Some("/")),
        signs("L5", "/signin?ReturnUrl=/report", signs_in, ALICE, None),
        signs("L5/below", "/login/x?ReturnUrl=/report", signs_in, ALICE, None),
        signs("L5/logout", "/logout?ReturnUrl=/report", signs_in, ALICE, None),
        signs("L6", "/LOGIN?ReturnUrl=/report", signs_in, ALICE, None),
        Signs {
            change: |cookie| cookie.compat(Compat::Katana),
            ..signs("L6/katana", "/LOGIN?ReturnUrl=/report", signs_in, ALICE, Some("/report"))
        },
        signs("L7", "/logout?ReturnUrl=%2Fbye", signs_out, GONE, Some("/bye")),
        signs("L8", "/logout", signs_out, GONE, None),
        signs("L8/login", "/login?ReturnUrl=/bye", signs_out, GONE, None),
        signs(
            "L9",
            "/login?ReturnUrl=/a",
            || {
                answer(StatusCode::OK, |cookie, headers| {
                    sign_out(cookie, headers);
                    sign_in(cookie, headers);
                })
            },
            ALICE,
            Some("/a"),
        ),
        signs(
            "L10",
            "/logout?ReturnUrl=/a",
            || {
                answer(StatusCode::OK, |cookie, headers| {
                    sign_in(cookie, headers);
                    sign_out(cookie, headers);
                })
            },
            GONE,
            Some("/a"),
        ),
        // of two lines of one name browsers keep the second
        signs(
            "L10/by-hand",
            "/login?ReturnUrl=/a",
            || {
                answer(StatusCode::OK, |_, headers| {
                    headers.append(SET_COOKIE, HeaderValue::from_static("Auth=alice"));
                    headers.append(SET_COOKIE, HeaderValue::from_static("Auth="));
                })
            },
            ALICE,
            None,
        ),
        // nobody signed in: the page was shown, or another cookie was set
        Signs { cookie: None, ..signs("L5/shown", "/login?ReturnUrl=/a", ok, "", None) },
        signs(
            "L5/other-cookie",
            "/login?ReturnUrl=/a",
            || {
                answer(StatusCode::OK, |_, headers| {
                    headers.append(SET_COOKIE, HeaderValue::from_static("AuthX=1"));
                })
            },
            "AuthX=1",
            None,
        ),
        Signs {
            change: |cookie| cookie.return_parameter("next"),
            ..signs("L1/parameter", "/login?ReturnUrl=/a&next=/b", signs_in, ALICE, Some("/b"))
        },
        signs("L1/twice", "/login?ReturnUrl=/a&ReturnUrl=/b", signs_in, ALICE, None),
    ];
    ledger::table_async(ROWS, async |row| {
        let gate = gate(|cookie| (row.change)(cookie.logout_path("/logout")));
        let require = gate.suppress_all_but(Bearer).unwrap();
        for hidden in [false, true] {
            let request = with_headers("POST", row.uri, &[HTML, FORM]);
            let handler = Handler::new(row.handler);
            let answer = if hidden {
                send_to(ServiceBuilder::new().layer(&gate).layer(&require), handler, request).await
            } else {
                send_to(&gate, handler, request).await
            };
            let value = |name: &str| answer.headers.iter().find_map(|it| it.strip_prefix(name));
            let set = value("set-cookie: ").map(|line| line.split(';').next().unwrap());
            assert_eq!((answer.status, value("location: ")), (row.status, row.location));
            assert_eq!(set, row.cookie);
            assert!(answer.rejection.is_none());
        }
    })
    .await;

    // a cookie that is merely renewed signs nobody in
    let gate = gate(|cookie| cookie);
    let request = with_headers("GET", "/login?ReturnUrl=/a", &[HTML, "cookie: Auth=alice.old"]);
    let response = gate
        .layer(service_fn(async |_: Request<Body>| Ok::<_, std::convert::Infallible>(ok())))
        .oneshot(request)
        .await
        .unwrap();
    assert_eq!((response.status(), set_cookies(response.headers()).len()), (StatusCode::OK, 1));
}

struct Evil(&'static str, &'static str);

impl Row for Evil {
    fn id(&self) -> &str {
        listed(self.0)
    }
}

/// As they stand in the query.
const EVIL: &[Evil] = &[
    Evil("L3 CK-12 9700-12", "//evil.test"),
    Evil("L3/backslash", "/%5Cevil.test"),
    Evil("L3/raw-backslash", "/\\evil.test"),
    Evil("L3/absolute", "https://evil.test"),
    Evil("L3/encoded", "https%3A%2F%2Fevil.test"),
    Evil("L3/empty", ""),
    Evil("L3b", "/%09/evil.test"),
    Evil("L3b/escaped", "/%2509/evil.test"),
    Evil("L3b/backslash", "/%255Cevil.test"),
    Evil("L3b/line-break", "/a%0d%0aX:%20y"),
    Evil("L3b/null", "/%00/evil.test"),
    Evil("L3b/slash", "/%252Fevil.test"),
    Evil("CK-12/no-slashes", "https:evil.test"),
    Evil("CK-12/case", "HTTPS:/evil.test"),
    Evil("CK-12/script", "javascript:alert(1)"),
    Evil("CK-12/data", "data:text/html,x"),
    Evil("CK-12/three", "///evil.test"),
    Evil("CK-12/encoded-slashes", "%2F%2Fevil.test"),
    Evil("CK-12/mixed", "/%2Fevil.test"),
    Evil("CK-12/space", "+//evil.test"),
    Evil("CK-12/plus-tab", "%09//evil.test"),
    Evil("CK-12/user", "//app.example@evil.test"),
    Evil("CK-12/relative", "evil.test"),
    Evil("CK-12/dots", "/..//evil.test"),
    Evil("CK-12/encoded-dots", "/%2e%2e//evil.test"),
    Evil("CK-12/overlong", "/%C0%AFevil.test"),
    Evil("CK-12/no-text", "/%FF"),
];

async fn the_word_of_a_stranger_leads_nowhere_else() {
    let gate = gate(|cookie| cookie.logout_path("/logout"));
    ledger::table_async(EVIL, async |row| {
        for (path, handler, cookie) in
            [("/login", signs_in as fn() -> _, ALICE), ("/logout", signs_out, GONE)]
        {
            let request = with_headers("POST", &format!("{path}?ReturnUrl={}", row.1), &[]);
            let answer = send_to(&gate, Handler::new(handler), request).await;
            let set = answer.headers.iter().find(|it| it.starts_with("set-cookie")).unwrap();
            assert_eq!(set.split([' ', ';']).nth(1), Some(cookie));
            assert_eq!(answer.status, 200, "{answer:?}");
            assert!(!answer.headers.iter().any(|line| line.starts_with("location")));
        }
    })
    .await;
    // too long is no place either
    let uri = format!("/login?ReturnUrl=/{}", "a".repeat(2_048));
    let answer = send_to(&gate, Handler::new(signs_in), with_headers("POST", &uri, &[])).await;
    assert_eq!(answer.status, 200);
    assert!(ReturnUrl::local("/%5Cevil.test").is_none());
}

/// Every text of up to four of these pieces, against a browser's reading of it (WHATWG URL): what is
/// accepted stays on its site, also after its escapes are undone.
fn no_browser_is_led_away() {
    const PIECES: &[&str] = &[
        "/",
        "\\",
        "\t",
        "\n",
        "%2F",
        "%5c",
        "%09",
        "%25",
        ":",
        "@",
        "evil.test",
        "https:",
        "..",
        ".",
        "?",
        "#",
        " ",
        "%",
        "2F",
        "\u{3000}",
        "\u{ff0f}",
        "a",
    ];
    let here = url::Url::parse("https://app.example/area/page?x=y").unwrap();
    let stays = |text: &str| {
        here.join(text).is_ok_and(|url| {
            let has_no_user = url.username().is_empty() && url.password().is_none();
            url.origin() == here.origin() && has_no_user
        })
    };
    let mut texts = vec![String::new()];
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..4 {
        let longer =
            |text: &String| PIECES.iter().map(|piece| format!("{text}{piece}")).collect::<Vec<_>>();
        texts = texts.iter().flat_map(longer).collect();
        for text in &texts {
            let Some(local) = ReturnUrl::local(text) else {
                refused += 1;
                continue;
            };
            accepted += 1;
            assert!(stays(text) && stays(local.as_str()), "{text:?}");
            for once in [local.as_str(), text] {
                let undone = once.replace("%2F", "/").replace("%5c", "\\").replace("%09", "\t");
                assert!(stays(&undone), "{text:?}");
            }
        }
    }
    assert!(accepted > 1_000 && refused > 100_000, "{accepted} {refused}");
}

/// Cuts `/api` off, as routers do.
fn cut(mut request: Request<Body>) -> Request<Body> {
    let path = request.uri().to_string();
    *request.uri_mut() = path.strip_prefix("/api").unwrap().parse().unwrap();
    request
}

async fn a_router_between_two_gates() {
    let outer = gate(|cookie| cookie);
    let inner =
        AuthenticateLayer::new((Scheme::bearer(SchemeName::new("Partner"), Fixed::default()),));
    let inner = inner.unwrap();
    // the page of the outer gate, and the way back as it was asked for
    let require = outer.require(policy::scheme(Cookies)).unwrap();
    let service = service_fn(async |_: Request<Body>| Ok::<_, std::convert::Infallible>(ok()));
    let service = outer.layer(MapRequestLayer::new(cut).layer(inner.layer(require.layer(service))));
    let response = service.oneshot(page("/api/page?id=7")).await.unwrap();
    assert_eq!(response.headers()[LOCATION], "/login?ReturnUrl=%2Fapi%2Fpage%3Fid%3D7");
    // a gate that sees the rest alone is told what was cut off
    let inner = gate(|cookie| cookie.base_path("/api"));
    let require = inner.require(policy::scheme(Cookies)).unwrap();
    let service = service_fn(async |_: Request<Body>| Ok::<_, std::convert::Infallible>(ok()));
    let service = MapRequestLayer::new(cut).layer(inner.layer(require.layer(service)));
    let response = service.oneshot(page("/api/page")).await.unwrap();
    assert_eq!(response.headers()[LOCATION], "/api/login?ReturnUrl=%2Fapi%2Fpage");
}

/// In an axum router: what is nested sees a shorter path, and the way back is the whole one.
async fn extractors_send_to_the_login_page() {
    use axum::{Router, response::IntoResponse, routing::get};
    use portcullis::Caller;
    use serde_json::Value;

    let members = Router::new()
        .route("/mine", get(async |_: Caller<Value>| "mine"))
        .route("/open", get(async |who: Option<Caller<Value>>| who.is_some().to_string()))
        .route("/again", get(async || ChallengeWith::new(Cookies).redirect_to("/again")));
    let router = Router::new().nest("/members", members);
    let app = gate(|cookie| cookie).layer(router);
    for (path, headers, status, location) in [
        (
            "/members/mine?id=7",
            &[HTML][..],
            302,
            Some("/login?ReturnUrl=%2Fmembers%2Fmine%3Fid%3D7"),
        ),
        ("/members/mine", &[], 401, None),
        ("/members/open", &[HTML], 200, None),
        ("/members/again", &[HTML], 302, Some("/again")),
        ("/members/again", &[HTML, "cookie: Auth=alice"], 302, Some("/again")),
        ("/members/none", &[HTML], 404, None),
    ] {
        let request = with_headers("GET", path, headers).map(axum::body::Body::new);
        let response = app.clone().oneshot(request).await.unwrap().into_response();
        let found = response.headers().get(LOCATION).map(|it| it.to_str().unwrap());
        assert_eq!((response.status().as_u16(), found), (status, location), "{path}");
    }
}

async fn a_scheme_of_your_own() {
    #[derive(Debug)]
    struct OpenId(LoginPages);
    impl portcullis::scheme::Authenticator for OpenId {
        fn authenticate(
            &self,
            _: &http::request::Parts,
        ) -> portcullis::Attempt<portcullis::Outcome> {
            portcullis::Attempt::pending(async { portcullis::Outcome::Absent })
        }
        fn challenge(
            &self,
            _: portcullis::challenge::ChallengeReason<'_>,
        ) -> Option<portcullis::challenge::Challenge> {
            None
        }
        fn pages(&self) -> Option<&LoginPages> {
            Some(&self.0)
        }
    }
    let name = SchemeName::new("OpenId");
    let of = |pages| AuthenticateLayer::new((Scheme::custom(name, OpenId(pages)),));
    let gate = of(LoginPages::new().login_path("/oidc/start").return_parameter("next")).unwrap();
    let require = gate.require(policy::scheme(name)).unwrap();
    let answer = send(ServiceBuilder::new().layer(&gate).layer(require), page("/page")).await;
    is(&answer, To("/oidc/start?next=%2Fpage"));
    assert_eq!(
        of(LoginPages::new().compat(Compat::Katana)).unwrap_err(),
        BuildError::RedirectWithoutLoginPath
    );
    // the record says the same to whoever asks it
    let parts = page("/page").into_parts().0;
    let handler = service_fn(async |request: Request<Body>| {
        let record = request.extensions().get::<Authentication>().unwrap();
        let rejection = record.rejection(&portcullis::Decision::challenge()).unwrap();
        assert_eq!(rejection.location().unwrap(), "/oidc/start?next=%2Fpage");
        assert!(rejection.is_unauthenticated());
        Ok::<_, std::convert::Infallible>(ok())
    });
    gate.layer(handler).oneshot(Request::from_parts(parts, Body::default())).await.unwrap();
}

async fn both_at_once_never_redirect() {
    use portcullis::testing::TicketMint;
    use portcullis::ticket::{TicketValidator, aspnet::FormsTickets};
    use portcullis::{BearerAuth, RequireBoth, TicketAuth};

    let tickets = TicketValidator::new(FormsTickets::new(TicketMint::new().machine_key()).unwrap());
    let ticket = TicketAuth::new("Auth", tickets).unwrap().login_path("/login").unwrap();
    let answer = send(ticket.clone(), page("/page?id=7")).await;
    is(&answer, To(BACK));
    let both = RequireBoth::new(BearerAuth::new(Fixed::default()).unwrap(), ticket).unwrap();
    is(&send(both.clone(), page("/page")).await, Stays(401));
    is(&send(both.clone(), with_headers("GET", "/page", &[XHR])).await, Stays(401));
    let more = both.clone().require(policy::scope("x")).unwrap();
    is(&send(more, page("/page")).await, Stays(401));
    // what else stands behind its gate has the page
    let pages = both.gate().require(policy::scheme(Cookies)).unwrap();
    let stack = ServiceBuilder::new().layer(both.optional()).layer(pages);
    is(&send(stack, page("/page?id=7")).await, To(BACK));
}

/// S6-24: a site that redirects every 401 as the forms module does, and an API in it.
async fn routes_for_programs_redirect_nobody() {
    let gate = gate(|cookie| cookie.compat(Compat::Katana));
    for headers in [&[][..], &[HTML, NAVIGATE], &[XHR], &["authorization: Bearer Expired"]] {
        let request = || with_headers("GET", "/api/test", headers);
        let page = gate.require(policy::any_scheme()).unwrap();
        let answer = send(ServiceBuilder::new().layer(&gate).layer(page), request()).await;
        assert!([200, 302].contains(&answer.status), "{answer:?}");
        // the API names the bearer, or says so
        let bearer = gate.require(policy::scheme(Bearer)).unwrap();
        let stack = ServiceBuilder::new().layer(&gate).layer(bearer);
        is(&send(stack, request()).await, Stays(401));
        let any = gate.require(policy::any_scheme()).unwrap().never_redirect();
        let stack = ServiceBuilder::new().layer(&gate).layer(any.respond_with(ProblemDetails));
        is(&send(stack, request()).await, Stays(401));
        // its handlers' own 401 neither
        let hidden = gate.suppress_all_but(Bearer).unwrap();
        let stack = ServiceBuilder::new().layer(&gate).layer(hidden);
        is_challenged(&send_to(stack, Handler::new(unauthorized), request()).await);
    }
    let any = gate.require(policy::any_scheme()).unwrap().never_redirect();
    let request = with_headers("GET", "/api/test", &[HTML, "cookie: Auth=alice"]);
    let stack = ServiceBuilder::new().layer(&gate).layer(any);
    is_challenged(&send_to(stack, Handler::new(unauthorized), request).await);
    ledger::passed("S6-24");
}

#[track_caller]
fn is_challenged(answer: &Answer) {
    assert_eq!(answer.status, 401);
    assert!(answer.headers.iter().any(|it| it.starts_with("www-authenticate")), "{answer:?}");
}

/// CK-17: who signs in is the application's question, and the documentation says so.
fn login_csrf_is_told() {
    let model = include_str!("../../docs/SECURITY-MODEL.md");
    let told = model.split("## ").find(|section| section.starts_with("Redirects")).unwrap();
    assert!(told.contains("login CSRF") && told.contains("the application's"));
    ledger::passed("CK-17");
}

fn pages_that_cannot_be() {
    let flaw = |change: fn(LoginPages) -> LoginPages| {
        let cookie = Scheme::cookie(Cookies, "Auth", Tickets::default());
        AuthenticateLayer::new((cookie.pages(change(LoginPages::new())),)).err()
    };
    let field = |change| match flaw(change) {
        Some(BuildError::Invalid { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(flaw(|pages| pages), None);
    assert_eq!(flaw(|pages| pages.access_denied_path("/no").base_path("/app")), None);
    assert_eq!(field(|it| it.login_path("login")), "login_path");
    assert_eq!(field(|it| it.login_path("https://login.example/")), "login_path");
    assert_eq!(field(|it| it.login_path("//login.example/")), "login_path");
    assert_eq!(field(|it| it.login_path("/login?x=1")), "login_path");
    assert_eq!(field(|it| it.login_path("/log in")), "login_path");
    assert_eq!(field(|it| it.login_path("")), "login_path");
    assert_eq!(field(|it| it.logout_path("/a#b")), "logout_path");
    assert_eq!(field(|it| it.access_denied_path("/a/../b")), "access_denied_path");
    assert_eq!(field(|it| it.login_path("/a").base_path("/app/")), "base_path");
    assert_eq!(field(|it| it.login_path("/a").base_path("app")), "base_path");
    assert_eq!(field(|it| it.login_path("/a").return_parameter("a&b")), "return_parameter");
    assert_eq!(field(|it| it.login_path("/a").return_parameter("")), "return_parameter");
    assert_eq!(
        field(|it| it.login_path("/a").allow_redirects_to("login.example")),
        "allow_redirects_to"
    );
    assert_eq!(
        field(|it| it.login_path("/a").allow_redirects_to("https://a/b")),
        "allow_redirects_to"
    );
    let without = Some(BuildError::RedirectWithoutLoginPath);
    assert_eq!(flaw(|it| it.compat(Compat::Katana)), without);
    assert_eq!(flaw(|it| it.return_parameter("next")), without);
    assert_eq!(flaw(|it| it.base_path("/app")), without);
    assert_eq!(flaw(|it| it.public_origin(PublicOrigin::forwarded())), without);
    assert_eq!(flaw(|it| it.allow_redirects_to("https://login.example")), without);
    for origin in ["app.example", "https://app.example/", "https://a@b", "ftp://app.example", ""] {
        assert!(PublicOrigin::fixed(origin).is_err(), "{origin}");
    }
}

fn own_origin_of_the_guard() {
    let guard = CrossSiteGuard::new().public_origin(PublicOrigin::x_forwarded());
    let admits =
        |headers: &[&str]| guard.admits(&with_headers("POST", "/", headers).into_parts().0);
    let proxy =
        ["x-forwarded-proto: https", "x-forwarded-host: app.example", "host: internal:8080"];
    let from = |origin| [proxy[0], proxy[1], proxy[2], origin];
    assert!(admits(&from("origin: https://app.example")));
    assert!(!admits(&from("origin: https://evil.test")));
    assert!(!admits(&from("origin: http://app.example")));
    assert!(!admits(&from("origin: https://internal:8080")));
    assert!(!admits(&["host: app.example", "origin: https://app.example"]), "nobody knows");
}

/// Keeps the compiler's eye on what a row expects.
const _: fn(&Answer, &Expected) = Answer::is;
