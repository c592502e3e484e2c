//! A ticket **and** a token, both required (seed system 6).

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use portcullis::AuthErrorKind::{
    InsecureTransport, NoCredential, PlaceholderToken, SubjectMismatch, TicketExpired,
    TicketUndecryptable,
};
use portcullis::scheme::{SameSite, TicketCookie, Transport, TransportSource};
use portcullis::testing::{ManualClock, TicketMint};
use portcullis::ticket::TicketValidator;
use portcullis::ticket::aspnet::{FormsTickets, KatanaAccessToken};
use portcullis::{
    AuthErrorKind, BearerAuth, Clock, ProblemDetails, RequireBoth, TicketAuth, UnixTime,
};
use tower::{Layer as _, ServiceExt as _};

use super::ledger;
use crate::support::estate::{
    Answer, Call, Estate, MINUTE, W0, WC, WI, WI_EXPIRED, WI_PLACEHOLDER,
};

chapter! {
    async fn the_seven_steps;
    async fn direct_login;
    async fn without_a_ticket_there_is_no_token;
    async fn an_expired_token_is_asked_for_anew;
    async fn an_expired_ticket_ends_it;
    async fn a_reload_loses_the_token_alone;
    async fn two_users;
    async fn a_ticket_that_is_not_good;
    async fn a_ticket_slides_on_an_api_call;
    async fn another_site;
    async fn another_site_asks_for_a_token;
    async fn a_ticket_in_the_clear;
    async fn a_copied_ticket;
    async fn the_token_endpoint_reads_no_bearer_token;
    async fn nothing_at_all;
    async fn a_client_of_another_origin;
    async fn a_sibling_host;
}

async fn the_seven_steps() {
    let app = Estate::new();
    // 1: the other application
    let login = app.send(Call::form("/portal/login", "username=test&password=test")).await;
    assert_eq!(login.status, 200);
    let [line] = login.all("set-cookie")[..] else { panic!("{login:?}") };
    let mut parts = line.split("; ");
    let f = parts.next().unwrap().to_owned();
    assert!(f.starts_with(".ASPXAUTH=") && f.len() > 200, "{f}");
    let mut attributes: Vec<&str> = parts.collect();
    attributes.sort_unstable();
    assert_eq!(attributes, ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"]);
    ledger::passed("S6-01");
    // 2: the page
    assert_eq!(app.send(Call::get("/index.htm")).await.status, 200);
    ledger::passed("S6-02");
    // 3: its button, too early
    let early = Call::get("/api/test?_=1").bearer("undefined").cookie(&f);
    app.send(early).await.is_refused(&[WI_PLACEHOLDER], &["token"], PlaceholderToken);
    ledger::passed("S6-03");
    // 4: a token for the ticket
    let ask = Call::form("/token", "grant_type=password")
        .cookie(&f)
        .header("x-requested-with", "XMLHttpRequest");
    let granted = app.send(ask).await;
    assert_eq!(granted.status, 200, "{granted:?}");
    assert!(granted.all("set-cookie").is_empty());
    let t = granted.json["access_token"].as_str().unwrap();
    ledger::passed("S6-04");
    // 5: both
    let both = app.send(Call::get("/api/test").bearer(t).cookie(&f)).await;
    both.is_hello("test");
    assert!(both.all("set-cookie").is_empty());
    ledger::passed("S6-05");
    // 6: the other application again
    let logout = app.send(Call::form("/portal/logout", "").cookie(&f)).await;
    let [line] = logout.all("set-cookie")[..] else { panic!("{logout:?}") };
    assert!(
        line.starts_with(".ASPXAUTH=; ") && line.contains("Expires=Thu, 01 Jan 1970"),
        "{line}"
    );
    ledger::passed("S6-06");
    // 7: the token alone
    app.send(Call::get("/api/test").bearer(t)).await.is_refused(&[WC], &["session"], NoCredential);
    ledger::passed("S6-07");
}

async fn direct_login() {
    let app = Estate::new();
    let form = "grant_type=password&username=test&password=test";
    let granted = app.send(Call::form("/token", form)).await;
    assert_eq!(granted.status, 200, "{granted:?}");
    let cookie = granted.cookie();
    assert!(!granted.all("set-cookie")[0].contains("Expires"), "a session cookie");
    ledger::passed("S6-08");

    let token = granted.json["access_token"].as_str().unwrap();
    app.send(Call::get("/api/test").bearer(token).cookie(&cookie)).await.is_hello("test");
    ledger::passed("S6-09");

    // a wrong password does not fall back to the ticket that came along, and sets nothing
    let wrong = Call::form("/token", "grant_type=password&username=test&password=wrong");
    let wrong = app.send(wrong.cookie(&cookie)).await;
    assert_eq!((wrong.status, &wrong.json["error"]), (400, &"invalid_grant".into()));
    assert!(wrong.json["access_token"].is_null() && wrong.all("set-cookie").is_empty());
    // signing in as somebody else replaces the cookie
    let form = "grant_type=password&username=other&password=other";
    let other = app.send(Call::form("/token", form).cookie(&cookie)).await;
    let (token, cookie) = (other.json["access_token"].as_str().unwrap(), other.cookie());
    app.send(Call::get("/api/test").bearer(token).cookie(&cookie)).await.is_hello("other");
}

async fn without_a_ticket_there_is_no_token() {
    let app = Estate::new();
    let refused = app.send(Call::form("/token", "grant_type=password")).await;
    assert_eq!((refused.status, &refused.json["error"]), (400, &"invalid_grant".into()));
    let description = refused.json["error_description"].as_str().unwrap();
    assert!(description.contains("nobody is signed in"), "{description}");
    assert!(refused.all("set-cookie").is_empty());
    ledger::passed("S6-10");
}

async fn an_expired_token_is_asked_for_anew() {
    let app = Estate::new();
    let token = app.mint.katana_access_token("test").expires_in(5 * MINUTE).build();
    let f = app.forms("test");
    app.send(Call::get("/api/test").bearer(&token).cookie(&f)).await.is_hello("test");
    app.clock.advance(6 * MINUTE);
    let late = app.send(Call::get("/api/test").bearer(&token).cookie(&f)).await;
    late.is_refused(&[WI_EXPIRED], &["token"], TicketExpired);
    let fresh = app.token(&f).await;
    app.send(Call::get("/api/test").bearer(&fresh).cookie(&f)).await.is_hello("test");
    ledger::passed("S6-11");
}

async fn an_expired_ticket_ends_it() {
    let app = Estate::new();
    let f = app.forms("test");
    let token = app.token(&f).await;
    app.clock.advance(30 * MINUTE);
    app.send(Call::get("/api/test").bearer(&token).cookie(&f)).await.is_hello("test");
    app.clock.advance(Duration::from_nanos(100));
    let late = app.send(Call::get("/api/test").bearer(&token).cookie(&f)).await;
    late.is_refused(&[WC], &["session"], TicketExpired);
    let refused = app.send(Call::form("/token", "grant_type=password").cookie(&f)).await;
    assert_eq!((refused.status, &refused.json["error"]), (400, &"invalid_grant".into()));
    ledger::passed("S6-12");
}

async fn a_reload_loses_the_token_alone() {
    let app = Estate::new();
    let f = app.portal_login("test").await;
    for _ in 0..2 {
        let granted = app.send(Call::form("/token", "grant_type=password").cookie(&f)).await;
        assert_eq!(granted.status, 200, "{granted:?}");
        let members: Vec<_> = granted.json.as_object().unwrap().keys().collect();
        assert_eq!(members, ["access_token", "expires_in", "token_type"], "no refresh token");
        let token = granted.json["access_token"].as_str().unwrap();
        app.send(Call::get("/api/test").bearer(token).cookie(&f)).await.is_hello("test");
    }
    ledger::passed("S6-13");
}

async fn two_users() {
    let app = Estate::new();
    let token = app.mint.katana_access_token("other").build();
    let both = app.send(Call::get("/api/test").bearer(&token).cookie(&app.forms("test"))).await;
    both.is_refused(&[WI], &[], SubjectMismatch);
    assert_eq!(both.json["error"], "invalid_token");
    // names are compared as they are
    let shouted = app.mint.katana_access_token("TEST").build();
    let both = app.send(Call::get("/api/test").bearer(&shouted).cookie(&app.forms("test"))).await;
    both.is_refused(&[WI], &[], SubjectMismatch);
    ledger::passed("S6-14");
}

async fn a_ticket_that_is_not_good() {
    let app = Estate::new();
    let token = app.mint.katana_access_token("test").build();
    let good = app.mint.forms("test");
    let tampered = good.clone().bit_flipped(333).build();
    let cut = good.clone().truncated(40).build();
    for ticket in [tampered, cut, "00".repeat(100)] {
        let cookie = format!(".ASPXAUTH={ticket}");
        let refused = app.send(Call::get("/api/test").bearer(&token).cookie(&cookie)).await;
        refused.is_refused(&[WC], &["session"], TicketUndecryptable);
    }
    ledger::passed("S6-15");
}

async fn a_ticket_slides_on_an_api_call() {
    let app = Estate::new();
    let f = app.forms("test");
    let token = app.mint.katana_access_token("test").expires_in(60 * MINUTE).build();
    app.clock.advance(14 * MINUTE);
    let early = app.send(Call::get("/api/test").bearer(&token).cookie(&f)).await;
    early.is_hello("test");
    assert!(early.all("set-cookie").is_empty(), "before half of its life");
    app.clock.advance(MINUTE);
    let slid = app.send(Call::get("/api/test").bearer(&token).cookie(&f)).await;
    slid.is_hello("test");
    let renewed = slid.cookie();
    assert_ne!(renewed, f);
    app.clock.advance(29 * MINUTE); // 44 minutes after the first one, which lives for 30
    app.send(Call::get("/api/test").bearer(&token).cookie(&renewed)).await.is_hello("test");
    let old = app.send(Call::get("/api/test").bearer(&token).cookie(&f)).await;
    old.is_refused(&[WC], &["session"], TicketExpired);
    ledger::passed("S6-16");
}

/// A form on another site's page: the cookie comes along, the token does not.
async fn another_site() {
    let app = Estate::new();
    let forged = Call::form("/api/test", "amount=1000")
        .cookie(&app.forms("test"))
        .header("origin", "https://evil.test")
        .header("sec-fetch-site", "cross-site")
        .header("sec-fetch-mode", "navigate");
    app.send(forged).await.is_refused(&[W0], &["token"], NoCredential);
    ledger::passed("S6-17");
}

/// A cookie is enough for a token, so whose page asks counts here.
async fn another_site_asks_for_a_token() {
    let app = Estate::new();
    let f = app.forms("test");
    let ask = || Call::form("/token", "grant_type=password").cookie(&f);
    for signs in [
        &[("origin", "https://evil.test"), ("sec-fetch-site", "cross-site")][..],
        &[("origin", "https://evil.test")],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site")],
        &[("origin", "https://app.test.evil.test"), ("sec-fetch-site", "same-site")],
    ] {
        let forged = signs.iter().fold(ask(), |call, (name, value)| call.header(name, value));
        let refused = app.send(forged).await;
        assert_eq!((refused.status, &refused.json["error"]), (400, &"invalid_request".into()));
        assert!(refused.json["access_token"].is_null() && refused.all("set-cookie").is_empty());
        assert!(refused.all("access-control-allow-origin").is_empty(), "{refused:?}");
    }
    // the page of this site, and what a guard can not tell from it: a browser that says nothing. No
    // page of another origin can read that answer
    let own = ask().header("origin", "http://app.test").header("sec-fetch-site", "same-origin");
    for call in [own, ask()] {
        let granted = app.send(call).await;
        assert_eq!(granted.status, 200, "{granted:?}");
        assert!(granted.json["access_token"].is_string());
        assert!(granted.all("access-control-allow-origin").is_empty(), "{granted:?}");
    }
    ledger::passed("S6-18");
}

/// FormsAuthentication's `requireSSL`: the ticket is not looked at.
async fn a_ticket_in_the_clear() {
    let clock = ManualClock::new();
    let mint = TicketMint::new().clock(clock.clone());
    let tokens = KatanaAccessToken::new(mint.machine_key()).unwrap();
    let tickets = FormsTickets::new(mint.machine_key()).unwrap();
    let tickets = TicketValidator::new(tickets).clock(clock.clone());
    let tickets = TicketAuth::new(".ASPXAUTH", tickets).unwrap();
    let both = RequireBoth::new(
        BearerAuth::new(TicketValidator::new(tokens).clock(clock)).unwrap(),
        tickets.require_tls(TransportSource::Server).unwrap(),
    )
    .unwrap()
    .respond_with(ProblemDetails);
    let app = Router::new().route("/api/test", get(async || "hello")).layer(both);
    let ask = async |transport: Transport| {
        let call = Call::get("/api/test")
            .bearer(&mint.katana_access_token("test").build())
            .cookie(&format!(".ASPXAUTH={}", mint.forms("test").build()));
        let mut request = call.into_request();
        request.extensions_mut().insert(transport);
        Answer::read(app.clone().oneshot(request).await.unwrap()).await
    };
    ask(Transport::Plain).await.is_refused(&[WC], &["session"], InsecureTransport);
    assert_eq!(ask(Transport::Tls).await.status, 200);
    ledger::passed("S6-21");
}

async fn a_copied_ticket() {
    let app = Estate::new();
    let f = app.portal_login("test").await;
    let token = app.token(&f).await;
    app.clock.advance(MINUTE);
    app.send(Call::form("/portal/logout", "").cookie(&f)).await;
    // what a ticket alone cannot know
    app.send(Call::get("/api/test").bearer(&token).cookie(&f)).await.is_hello("test");
    // what the application can say
    let now = app.clock.now();
    app.revocations.revoke_subject("LOCAL AUTHORITY", "test", now, UnixTime::MAX);
    let refused = app.send(Call::get("/api/test").bearer(&token).cookie(&f)).await;
    refused.is_refused(&[WC], &["session"], AuthErrorKind::Revoked);
    let again = app.portal_login("test").await;
    app.send(Call::get("/api/test").bearer(&token).cookie(&again)).await.is_hello("test");
    ledger::passed("S6-19");
}

async fn the_token_endpoint_reads_no_bearer_token() {
    let app = Estate::new();
    let f = app.forms("test");
    for token in [app.mint.katana_access_token("test").expired_for(MINUTE).build(), "null".into()] {
        let ask = Call::form("/token", "grant_type=password").cookie(&f).bearer(&token);
        assert_eq!(app.send(ask).await.status, 200);
    }
    ledger::passed("S6-20");
}

async fn nothing_at_all() {
    let app = Estate::new();
    let nothing = app.send(Call::get("/api/test")).await;
    nothing.is_refused(&[W0], &["token", "session"], NoCredential);
    ledger::passed("S6-22");
    assert_eq!(app.send(Call::get("/index.htm")).await.status, 200);
    ledger::passed("S6-23");
}

/// What a browser sends to `to` of the cookies that `host` set, for a page of the same site or not.
fn browser_sends(set_cookie: &str, host: &str, to: &str, is_same_site: bool) -> Option<String> {
    let mut parts = set_cookie.split("; ");
    let pair = parts.next()?.to_owned();
    let attributes: Vec<&str> = parts.collect();
    let domain = attributes.iter().find_map(|it| it.strip_prefix("Domain="));
    let is_for_host = match domain {
        None => to == host,
        Some(domain) => to == domain || to.ends_with(&format!(".{domain}")),
    };
    let goes_everywhere = attributes.contains(&"SameSite=None") && attributes.contains(&"Secure");
    (is_for_host && (is_same_site || goes_everywhere)).then_some(pair)
}

async fn a_client_of_another_origin() {
    let spa = "https://spa.test";
    let cors = tower_http::cors::CorsLayer::new()
        .allow_origin([spa.parse().unwrap()])
        .allow_credentials(true)
        .allow_headers([http::header::AUTHORIZATION]);
    for (same_site, is_sent) in [(SameSite::None, true), (SameSite::Lax, false)] {
        let cookie = TicketCookie::builder(".ASPXAUTH").same_site(same_site).build().unwrap();
        let app = Estate::with_cookie(cookie);
        let login = app.send(Call::form("/portal/login", "username=test&password=test")).await;
        let sent = browser_sends(login.all("set-cookie")[0], "app.test", "app.test", false);
        assert_eq!(sent.is_some(), is_sent, "{same_site:?}");
        let token = app.mint.katana_access_token("test").build();
        let mut call = Call::get("/api/test").bearer(&token).header("origin", spa);
        if let Some(sent) = &sent {
            call = call.cookie(sent);
        }
        let response = cors.layer(app.router()).oneshot(call.into_request()).await.unwrap();
        let answer = Answer::read(response.map(axum::body::Body::new)).await;
        if is_sent {
            answer.is_hello("test");
        } else {
            answer.is_refused(&[WC], &["session"], NoCredential);
        }
        // the page reads either answer
        assert_eq!(answer.all("access-control-allow-origin"), [spa]);
        assert_eq!(answer.all("access-control-allow-credentials"), ["true"]);
    }
    ledger::passed("S6-25");
}

async fn a_sibling_host() {
    for (domain, is_shared) in [(Some("corp.test"), true), (None, false)] {
        let mut cookie = TicketCookie::builder(".ASPXAUTH");
        if let Some(domain) = domain {
            cookie = cookie.domain(domain);
        }
        let app = Estate::with_cookie(cookie.build().unwrap());
        let login = app.send(Call::form("/portal/login", "username=test&password=test")).await;
        let sent =
            browser_sends(login.all("set-cookie")[0], "portal.corp.test", "api.corp.test", true);
        assert_eq!(sent.is_some(), is_shared);
        let token = app.mint.katana_access_token("test").build();
        let Some(f) = sent else {
            let refused = app.send(Call::get("/api/test").bearer(&token)).await;
            refused.is_refused(&[WC], &["session"], NoCredential);
            continue;
        };
        let early = app.send(Call::get("/api/test?_=1").bearer("undefined").cookie(&f)).await;
        early.is_refused(&[WI_PLACEHOLDER], &["token"], PlaceholderToken);
        let t = app.token(&f).await;
        app.send(Call::get("/api/test").bearer(&t).cookie(&f)).await.is_hello("test");
        let logout = app.send(Call::form("/portal/logout", "").cookie(&f)).await;
        assert!(logout.all("set-cookie")[0].contains("Domain=corp.test"), "{logout:?}");
        app.send(Call::get("/api/test").bearer(&t)).await.is_refused(
            &[WC],
            &["session"],
            NoCredential,
        );
    }
    // a name that promises one host cannot be shared
    let promise = TicketCookie::builder("__Host-session").domain("corp.test").build();
    assert!(promise.unwrap_err().to_string().contains("__Host-"));
    ledger::passed("S6-27");
}
