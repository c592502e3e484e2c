//! What opening a ticket costs beside the cryptography that it needs: one pass of AES-CBC and one
//! HMAC over its length, by the same library with prepared keys. Pairs measured in turn.
//!
//! ```sh
//! cargo bench --bench tickets
//! ```

mod support;

use std::hint::black_box;

use aws_lc_rs::{
    cipher::{AES_256, DecryptingKey, DecryptionContext, UnboundCipherKey},
    hmac,
};
use http::Request;
use portcullis::{
    AuthenticateLayer, Cookies, Scheme, policy,
    testing::{TicketBuilder, TicketMint},
    ticket::{
        TicketFormat, TicketValidator,
        aspnet::{FormsTickets, KatanaAccessToken, KatanaCookie},
    },
    token::{Cached, Presented, TokenValidator},
};
use support::{
    compare::{calls, compare, requests_of, rounds},
    *,
};
use tower_layer::Layer;

fn main() {
    let rounds = rounds();
    let mint = TicketMint::new();
    let key = mint.machine_key();
    let forms = FormsTickets::new(key.clone()).unwrap();
    let token = KatanaAccessToken::new(key.clone()).unwrap();
    let cookie = KatanaCookie::new(key, "ApplicationCookie").unwrap();
    open("forms ticket", rounds, forms, mint.forms("alice").user_data("clerk;de"));
    open("Katana access token", rounds, token, with_claims(mint.katana_access_token("alice"), 3));
    let ticket = with_claims(mint.katana_cookie("ApplicationCookie", "alice"), 12);
    open("Katana cookie", rounds, cookie, ticket);
    cached(rounds, &mint);
}

fn with_claims(ticket: TicketBuilder, count: usize) -> TicketBuilder {
    (0..count).fold(ticket, |ticket, n| {
        ticket.claim(&format!("http://schemas.corp.test/claims/{n}"), "a value of some length")
    })
}

/// The format alone, the whole validation, and the bytes that the cryptography must pass over.
fn open<F: TicketFormat + 'static>(name: &str, rounds: usize, format: F, ticket: TicketBuilder) {
    let text = ticket.build();
    let raw = Raw::of(&text);
    println!("{name}: {} characters, {} protected bytes", text.len(), raw.protected.len());
    let open = || drop(black_box(format.unprotect(black_box(&text)).unwrap()));
    compare(&format!("{name}, open / raw"), rounds, calls(64, open), calls(64, || raw.open()));

    let validator = TicketValidator::new(format);
    let parts = parts();
    let validate = || {
        let presented = Presented::new(black_box(&text), &parts);
        drop(black_box(validator.validate(presented).into_ready().unwrap().unwrap()));
    };
    let name = format!("{name}, validate / raw");
    compare(&name, rounds, calls(64, validate), calls(64, || raw.open()));
}

/// A MAC over all but the tag, and one decryption of the same length in place.
struct Raw {
    protected: Vec<u8>,
    mac: hmac::Key,
    tag: hmac::Tag,
    cipher: DecryptingKey,
}

impl Raw {
    /// For the text of a ticket: two characters a byte in hexadecimal, four for three in base64url.
    fn of(text: &str) -> Self {
        let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let length = if is_hex { text.len() / 2 } else { text.len() * 3 / 4 };
        let protected = vec![7; length - 32];
        let mac = hmac::Key::new(hmac::HMAC_SHA256, &[1; 64]);
        let tag = hmac::sign(&mac, &protected);
        let key = UnboundCipherKey::new(&AES_256, &[2; 32]).unwrap();
        Self { protected, mac, tag, cipher: DecryptingKey::cbc(key).unwrap() }
    }

    fn open(&self) {
        hmac::verify(&self.mac, &self.protected, self.tag.as_ref()).unwrap();
        let mut plaintext = self.protected[16..].to_vec();
        let context = DecryptionContext::Iv128((&[3; 16]).into());
        black_box(self.cipher.decrypt(black_box(&mut plaintext), context).unwrap());
    }
}

/// A ticket seen before is a token seen before.
fn cached(rounds: usize, mint: &TicketMint) {
    let tickets = TicketValidator::new(FormsTickets::new(mint.machine_key()).unwrap());
    let scheme = Scheme::cookie(Cookies, ".ASPXAUTH", Cached::new(tickets));
    let gate = AuthenticateLayer::new((scheme,)).unwrap();
    let service = gate.layer(gate.require(policy::scheme(Cookies)).unwrap().layer(Bare));
    let cookie = format!(".ASPXAUTH={}", mint.forms("alice").build());
    let make = || -> Request<()> {
        let mut request = request(None);
        request.headers_mut().insert("cookie", cookie.parse().unwrap());
        request
    };
    compare(
        "cached ticket / layer that inserts one Arc",
        rounds,
        requests_of(service, make),
        requests_of(identity_layer(), make),
    );
}
