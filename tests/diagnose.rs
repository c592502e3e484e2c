//! The operator's diagnosis: every vector is diagnosed as what it is, every flaw at its step, and the
//! report holds no secret.
#![cfg(feature = "tickets")]

use std::collections::BTreeSet;

use portcullis::{
    BuildError, UnixTime,
    testing::{ManualClock, TicketBuilder, TicketMint},
    ticket::{
        TicketFormat,
        aspnet::{
            CompatibilityMode, Decryption, Diagnosis, DiagnosisKeys, Fit, FormsTickets,
            KatanaAccessToken, KatanaCookie, MachineKey, MachineKeyBuilder, Notice, Protection,
            Step, TicketKind, TicketLayout, Validation, diagnose,
        },
    },
};
use serde_json::Value;

#[allow(dead_code, reason = "each test uses what it needs")]
mod aspnet;
use aspnet::{good_vectors, text};

// ---- the vectors

/// The keys alone, with nothing right beside them but what the default is.
fn bare(vector: &Value) -> MachineKeyBuilder {
    let key = &vector["machineKey"];
    MachineKey::builder(text(&key["validationKey"]), text(&key["decryptionKey"]))
}

/// As the application's file says it, and no word for what is weak.
fn configured(vector: &Value) -> Result<MachineKeyBuilder, BuildError> {
    let key = &vector["machineKey"];
    let attributes =
        ["validationKey", "decryptionKey", "validation", "decryption", "compatibilityMode"]
            .map(|name| format!("{name}=\"{}\"", text(&key[name])))
            .join(" ");
    let protection = key["protection"].as_str().unwrap_or("All");
    let legacy = key["useLegacyEncryption"] == true;
    MachineKey::from_config(&format!(
        "<configuration><appSettings><add key='aspnet:UseLegacyEncryption' value='{legacy}'/>\
         </appSettings><system.web><machineKey {attributes}/><authentication mode='Forms'>\
         <forms protection='{protection}'/></authentication></system.web></configuration>"
    ))
}

fn at(seconds: u64) -> ManualClock {
    ManualClock::at(UnixTime::from_secs(seconds))
}

fn look(text: &str, key: MachineKeyBuilder) -> Diagnosis {
    diagnose(text, &DiagnosisKeys::new(key).unwrap().clock(at(1_715_688_000)))
}

#[track_caller]
fn only(diagnosis: &Diagnosis, what: &str) -> Fit {
    let [fit] = diagnosis.fits() else {
        panic!("{what}: {} fit\n{diagnosis}", diagnosis.fits().len())
    };
    fit.clone()
}

fn kind_of(vector: &Value) -> TicketKind {
    let Some(purposes) = vector["specificPurposes"].as_array() else { return TicketKind::Forms };
    match (text(&purposes[0]), text(&purposes[1])) {
        (_, "Access_Token") => TicketKind::KatanaAccessToken,
        (_, "Refresh_Token") => TicketKind::KatanaRefreshToken,
        (_, "Authentication_Code") => TicketKind::KatanaAuthorizationCode,
        (_, name) => TicketKind::KatanaCookie(name.to_owned()),
    }
}

fn ticket_of(vector: &Value) -> &str {
    text(if vector["cookie"].is_string() { &vector["cookie"] } else { &vector["token"] })
}

fn all() -> Vec<Value> {
    let mut vectors = good_vectors("forms.decrypt");
    vectors.extend(good_vectors("katana.unprotect"));
    assert!(vectors.len() >= 56, "{}", vectors.len());
    vectors
}

#[test]
fn every_accepted_vector_is_what_its_own_file_says() {
    for vector in all() {
        let id = text(&vector["id"]);
        let diagnosis = look(ticket_of(&vector), configured(&vector).unwrap());
        let fit = only(&diagnosis, id);
        assert_eq!(fit.kind, kind_of(&vector), "{id}");
        let key = &vector["machineKey"];
        assert_eq!(fit.choices.validation.to_string(), text(&key["validation"]), "{id}");
        assert_eq!(fit.choices.decryption.to_string(), text(&key["decryption"]), "{id}");
        let mode = fit.choices.compatibility_mode.to_string();
        assert_eq!(mode, text(&key["compatibilityMode"]), "{id}");
        if fit.kind == TicketKind::Forms {
            let protection = key["protection"].as_str().unwrap_or("All");
            assert_eq!(fit.choices.protection.to_string(), protection, "{id}");
            assert_eq!(fit.choices.legacy_encryption, key["useLegacyEncryption"] == true, "{id}");
        }
        let layout = match (&fit.kind, id) {
            (TicketKind::Forms, _) if vector["legacyTicketLayout"] == true => {
                TicketLayout::Framework20
            }
            (TicketKind::Forms, _) => TicketLayout::Version1,
            (_, id) if id.starts_with("version2") => TicketLayout::Katana2,
            _ => TicketLayout::Katana3,
        };
        assert_eq!(fit.layout, layout, "{id}");
        assert!(!diagnosis.to_string().contains("differs:"), "{id}\n{diagnosis}");
        opens(&vector, &fit, &diagnosis);
    }
}

/// Whoever knows the keys alone comes to something that protects alike.
#[test]
fn every_accepted_vector_is_found_from_its_keys_alone() {
    for vector in all() {
        let id = text(&vector["id"]);
        let diagnosis = look(ticket_of(&vector), bare(&vector));
        let fit = only(&diagnosis, id);
        assert_eq!(fit.kind, kind_of(&vector), "{id}");
        let hash = match text(&vector["machineKey"]["validation"]) {
            _ if fit.choices.protection == Protection::None => fit.choices.validation.to_string(),
            "AES" | "3DES" => "SHA1".to_owned(),
            hash => hash.to_owned(),
        };
        assert_eq!(fit.choices.validation.to_string(), hash, "{id}");
        opens(&vector, &fit, &diagnosis);
    }
}

/// What the diagnosis says, said to the builder: the ticket is opened.
#[track_caller]
fn opens(vector: &Value, fit: &Fit, diagnosis: &Diagnosis) {
    let choices = fit.choices;
    let builder = bare(vector)
        .compatibility_mode(choices.compatibility_mode)
        .validation(choices.validation)
        .decryption(choices.decryption)
        .protection(choices.protection);
    let report = diagnosis.to_string();
    let builder = said(builder, &report);
    let key = builder.build().unwrap_or_else(|error| panic!("{error}\n{report}"));
    let opened = match &fit.kind {
        TicketKind::Forms if fit.layout == TicketLayout::Framework20 => {
            let tickets = FormsTickets::new(key).unwrap().dangerous().framework20_layout();
            tickets.unprotect(ticket_of(vector))
        }
        TicketKind::Forms => FormsTickets::new(key).unwrap().unprotect(ticket_of(vector)),
        TicketKind::KatanaAccessToken => {
            let tokens = KatanaAccessToken::new(key).unwrap().accept_format_2();
            tokens.unprotect(ticket_of(vector))
        }
        TicketKind::KatanaCookie(name) => {
            KatanaCookie::new(key, name).unwrap().unprotect(ticket_of(vector))
        }
        _ => return,
    };
    assert_eq!(opened.unwrap(), fit.ticket, "{}", vector["id"]);
}

/// Exactly the dangerous words that the report says.
fn said(mut builder: MachineKeyBuilder, report: &str) -> MachineKeyBuilder {
    let says = |word: &str| report.contains(&format!("    .dangerous().{word}()\n"));
    if says("allow_sha1") {
        builder = builder.dangerous().allow_sha1();
    }
    if says("allow_md5") {
        builder = builder.dangerous().allow_md5();
    }
    if says("allow_3des") {
        builder = builder.dangerous().allow_3des();
    }
    if says("allow_des") {
        builder = builder.dangerous().allow_des();
    }
    if says("allow_partial_protection") {
        builder = builder.dangerous().allow_partial_protection();
    }
    if says("allow_unprotected_tickets") {
        builder = builder.dangerous().allow_unprotected_tickets();
    }
    if says("use_legacy_encryption") {
        builder = builder.dangerous().use_legacy_encryption();
    }
    builder
}

// ---- the report

#[test]
fn the_report_says_what_to_write_and_what_differs() {
    let (validation, decryption) = ("A0".repeat(32), "5C".repeat(24));
    let key = MachineKey::builder(&validation, &decryption)
        .compatibility_mode(CompatibilityMode::Framework20Sp2)
        .validation(Validation::TripleDes)
        .decryption(Decryption::TripleDes);
    // three equal parts are no key of 3DES
    assert!(key.dangerous().allow_3des().dangerous().allow_sha1().build().is_err());

    let decryption = "0123456789ABCDEF23456789ABCDEF01456789ABCDEF0123";
    let key = MachineKey::builder(&validation, decryption)
        .compatibility_mode(CompatibilityMode::Framework20Sp1)
        .validation(Validation::Sha1)
        .decryption(Decryption::TripleDes);
    let key = key.dangerous().allow_3des().dangerous().allow_sha1().build().unwrap();
    let mint = TicketMint::with_key(key).clock(at(1_715_688_000));
    let cookie = mint.forms("alice").user_data("Department=7").build();
    let diagnosis = look(&cookie, MachineKey::builder(&validation, decryption));
    let report = diagnosis.to_string();
    let begin = format!(
        "fits: FormsAuthentication ticket, Framework20SP1, SHA1 and 3DES
  key           {} (fingerprint)
  layout        layout 1
  expires       2024-05-14T12:30:00Z
  issued        2024-05-14T12:00:00Z
  persistent    no
  name          \"alice\"
  cookie path   \"/\"
  version       2
  user data     12 characters
  differs: validation is SHA1, and was given as HMACSHA256
  differs: decryption is 3DES, and was given as Auto
  differs: compatibilityMode is Framework20SP1, and was given as Framework45
what to write:
  let key = MachineKey::builder(validation_key, decryption_key)
      .compatibility_mode(CompatibilityMode::Framework20Sp1)
      .validation(Validation::Sha1)
      .decryption(Decryption::TripleDes)
      .dangerous().allow_sha1()
      .dangerous().allow_3des()
      .build()?;
  let tickets = FormsTickets::new(key)?;
failed at ",
        mint.machine_key().fingerprint()
    );
    assert!(report.starts_with(&begin), "{report}");
    assert!(diagnosis.is_good());
}

#[test]
fn the_report_holds_no_key_and_no_value() {
    let secret = "a value that nobody reads";
    for vector in all() {
        let diagnosis = look(ticket_of(&vector), configured(&vector).unwrap());
        for report in [diagnosis.to_string(), format!("{diagnosis:?}")] {
            let report = report.to_uppercase();
            for key in ["validationKey", "decryptionKey"] {
                let key = text(&vector["machineKey"][key]).to_uppercase();
                let piece = &key[..16.min(key.len())];
                assert!(!report.contains(piece), "{} {report}", vector["id"]);
            }
        }
        let report = diagnosis.to_string();
        let claims = vector["expect"]["ticket"]["identity"]["claims"].as_array();
        for claim in claims.into_iter().flatten() {
            let (name, value) = (text(&claim["type"]), text(&claim["value"]));
            let is_name = name.ends_with("/name");
            if value.len() > 5 && !is_name && !value.contains("Identity") {
                assert!(!report.contains(value), "{} {value}\n{report}", vector["id"]);
            }
        }
    }
    let mint = TicketMint::new();
    for ticket in [
        mint.katana_cookie("Cookies", "alice").claim("secret", secret).property("key", secret),
        mint.forms("alice").user_data(secret),
    ] {
        let diagnosis = minted(&ticket);
        assert!(!diagnosis.to_string().contains(secret));
        assert!(!format!("{diagnosis:?}").contains(secret));
        assert!(diagnosis.with_values().to_string().contains(secret));
    }
    let keys = DiagnosisKeys::new(mint_key()).unwrap();
    assert!(!format!("{keys:?}").contains("7A7A"));
}

// ---- flaws

/// The key of every mint without one of its own.
fn mint_key() -> MachineKeyBuilder {
    MachineKey::builder(&"7A".repeat(64), &"3C".repeat(32))
}

fn minted(ticket: &TicketBuilder) -> Diagnosis {
    diagnose(&ticket.clone().build(), &DiagnosisKeys::new(mint_key()).unwrap())
}

/// The steps of the trials that are of this kind and of the key's own algorithms.
fn step(diagnosis: &Diagnosis, kind: &TicketKind) -> Step {
    let own = diagnosis.trials().iter().find(|trial| {
        trial.kind == *kind
            && trial.choices.is_none_or(|choices| {
                choices.compatibility_mode == CompatibilityMode::Framework45
                    && choices.validation == Validation::HmacSha256
                    && choices.decryption == Decryption::Auto
            })
    });
    own.unwrap_or_else(|| panic!("{kind} was not tried\n{diagnosis}")).step
}

#[test]
fn every_flaw_is_told_by_its_step() {
    let mint = TicketMint::new();
    let cookie = || mint.katana_cookie("ApplicationCookie", "alice");
    let application = || TicketKind::KatanaCookie("ApplicationCookie".to_owned());
    let swapped = MachineKey::from_hex(&"7A".repeat(64), &"3D".repeat(32)).unwrap();
    let other = MachineKey::from_hex(&"7B".repeat(64), &"3C".repeat(32)).unwrap();
    let rows = [
        (
            "forms, text",
            mint.forms("alice").with_text(|text| text + "!"),
            TicketKind::Forms,
            Step::Text,
        ),
        ("cookie, text", cookie().with_text(|text| text + "!"), application(), Step::Text),
        ("forms, cut", mint.forms("alice").truncated(90), TicketKind::Forms, Step::Length),
        ("cookie, cut", cookie().truncated(100), application(), Step::Length),
        ("cookie, cut by a block", cookie().truncated(112), application(), Step::Mac),
        ("forms, changed", mint.forms("alice").bit_flipped(99), TicketKind::Forms, Step::Mac),
        ("cookie, changed", cookie().bit_flipped(99), application(), Step::Mac),
        (
            "forms, another key",
            mint.forms("alice").signed_with(other.clone()),
            TicketKind::Forms,
            Step::Mac,
        ),
        ("cookie, another key", cookie().signed_with(other), application(), Step::Mac),
        (
            "another purpose of the same keys",
            mint.katana_refresh_token("alice"),
            TicketKind::KatanaAccessToken,
            Step::Purpose,
        ),
        (
            "a cookie of another middleware",
            mint.katana_cookie("ExternalCookie", "alice"),
            application(),
            Step::Purpose,
        ),
        (
            "gzip",
            cookie().with_packed(|mut packed| {
                packed.pop();
                packed
            }),
            application(),
            Step::Gzip,
        ),
        (
            "cookie, layout",
            cookie().with_content(|mut content| {
                content.push(0);
                content
            }),
            application(),
            Step::Layout,
        ),
        (
            "forms, layout",
            mint.forms("alice").with_content(|mut content| {
                content.pop();
                content
            }),
            TicketKind::Forms,
            Step::Layout,
        ),
        (
            "nobody was authenticated",
            // behind the format's number the authentication type, a length and "Bearer"
            mint.katana_access_token("alice").with_content(|mut content| {
                content.splice(4..11, [0]);
                content
            }),
            TicketKind::KatanaAccessToken,
            Step::Layout,
        ),
    ];
    for (name, ticket, kind, expected) in rows {
        let diagnosis = minted(&ticket);
        assert_eq!(step(&diagnosis, &kind), expected, "{name}\n{diagnosis}");
        let is_purpose = expected == Step::Purpose;
        assert_eq!(diagnosis.fits().len(), usize::from(is_purpose), "{name}\n{diagnosis}");
        assert_eq!(diagnosis.is_good(), is_purpose, "{name}");
        if expected > Step::Purpose {
            assert_eq!(diagnosis.trials()[0].step, expected, "{name}: the furthest first");
        }
    }
    // another decryption key under the right validation key: by chance there is padding
    let steps: BTreeSet<_> = (0..4)
        .map(|_| {
            step(&minted(&mint.forms("alice").signed_with(swapped.clone())), &TicketKind::Forms)
        })
        .collect();
    assert!(steps.contains(&Step::Padding), "{steps:?}");
}

/// Below `Framework45` the steps lie inside one another.
#[test]
fn legacy_flaws_are_told_by_their_steps() {
    let (validation, decryption) = ("A0".repeat(64), "5C".repeat(32));
    let builder = |decryption: &str| {
        MachineKey::builder(&validation, decryption)
            .compatibility_mode(CompatibilityMode::Framework20Sp1)
            .validation(Validation::Sha1)
    };
    let made = |builder: MachineKeyBuilder| {
        TicketMint::with_key(builder.dangerous().allow_sha1().build().unwrap()).forms("alice")
    };
    let own = |diagnosis: &Diagnosis, protection, legacy_encryption| {
        let own = diagnosis.trials().iter().find(|trial| {
            // one text in sixteen is base64url too, and gets further as a token
            let is_forms = trial.kind == TicketKind::Forms;
            trial.choices.is_some_and(|choices| {
                is_forms
                    && choices.compatibility_mode == CompatibilityMode::Framework20Sp1
                    && choices.validation == Validation::Sha1
                    && choices.decryption == Decryption::Auto
                    && choices.protection == protection
                    && choices.legacy_encryption == legacy_encryption
            })
        });
        own.map(|trial| (trial.step, trial.detail))
    };
    let look = |text: &str| diagnose(text, &DiagnosisKeys::new(builder(&decryption)).unwrap());
    let good = look(&made(builder(&decryption)).build());
    assert_eq!(good.fits().len(), 1, "{good}");
    let (step, _) = own(&good, Protection::Encryption, false).unwrap();
    assert_eq!(step, Step::Layout, "the inner hash stands where nothing may stand");

    let changed = look(&made(builder(&decryption)).bit_flipped(77).build());
    assert_eq!(own(&changed, Protection::All, false).unwrap().0, Step::Mac);
    let cut = look(&made(builder(&decryption)).truncated(99).build());
    assert_eq!(own(&cut, Protection::All, false).unwrap().0, Step::Length);
    let encryption = builder(&decryption).protection(Protection::Encryption);
    let key = encryption.dangerous().allow_partial_protection();
    let partial = look(&made(key).build());
    assert_eq!(only(&partial, "partial").choices.protection, Protection::Encryption);
    let (step, detail) = own(&partial, Protection::All, false).unwrap();
    assert_eq!(step, Step::Mac);
    assert!(detail.contains("inside"), "{detail}");
    // by chance there is padding
    let steps: BTreeSet<_> = (0..4)
        .filter_map(|_| {
            let other = look(&made(builder(&"5D".repeat(32))).build());
            own(&other, Protection::All, false).map(|(step, _)| step)
        })
        .collect();
    assert!(steps.contains(&Step::Padding), "{steps:?}");
}

#[test]
fn an_expired_ticket_fits_and_is_not_good() {
    let ticket = TicketMint::new().clock(at(1_715_688_000)).forms("alice").build();
    for (now, good, says) in [
        (1_715_688_000 + 1800, true, "expires       2024-05-14T12:30:00Z\n"),
        (1_715_688_000 + 1801, false, "expired       since 2024-05-14T12:30:00Z, for 1 s\n"),
        (1_715_688_000 + 1890, false, "for 1 min 30 s\n"),
        (1_715_688_000 + 1800 + 3900, false, "for 1 h 5 min\n"),
        (1_715_688_000 + 1800 + 90_000, false, "for 1 d 1 h\n"),
    ] {
        let diagnosis = diagnose(&ticket, &DiagnosisKeys::new(mint_key()).unwrap().clock(at(now)));
        assert_eq!(diagnosis.is_good(), good, "{now}");
        assert_eq!(diagnosis.fits().len(), 1);
        assert!(diagnosis.to_string().contains(says), "{says}{diagnosis}");
    }
}

#[test]
fn tokens_that_need_a_word_more() {
    let mint = TicketMint::new();
    let endless = mint.katana_access_token("alice").with(|ticket| ticket.expires_at = None);
    let diagnosis = minted(&endless);
    assert!(diagnosis.is_good());
    let report = diagnosis.to_string();
    assert!(report.contains("never: it has no expiry"), "{report}");
    let line = "let tokens = KatanaAccessToken::new(key)?.dangerous().allow_missing_expiry();";
    assert!(report.contains(line), "{report}");

    let old = good_vectors("katana.unprotect")
        .into_iter()
        .find(|vector| vector["id"] == "version2-when-enabled")
        .unwrap();
    let report = look(text(&old["token"]), bare(&old)).to_string();
    assert!(report.contains("KatanaAccessToken::new(key)?.accept_format_2()"), "{report}");

    let report = minted(&mint.katana_refresh_token("alice")).to_string();
    assert!(report.contains("// for an authorization server: no API takes one"), "{report}");

    let strange = mint.katana_cookie("Portal \"2\"", "alice");
    assert!(minted(&strange).fits().is_empty(), "no type that is known");
    let keys = DiagnosisKeys::new(mint_key()).unwrap().authentication_type("Portal \"2\"");
    let report = diagnose(&strange.build(), &keys).to_string();
    assert!(report.contains(r#"KatanaCookie::new(key, "Portal \"2\"")?;"#), "{report}");
}

#[test]
fn several_keys_are_told_apart() {
    let mint = TicketMint::new();
    let keys = DiagnosisKeys::new(MachineKey::builder(&"01".repeat(64), &"02".repeat(32)));
    let keys = keys.unwrap().also(mint_key()).unwrap();
    let diagnosis = diagnose(&mint.katana_access_token("alice").build(), &keys);
    let fingerprint = mint.machine_key().fingerprint().to_owned();
    assert_eq!(only(&diagnosis, "one").machine_key, fingerprint);
    let line = format!("  Katana refresh token, key {fingerprint}: HMACSHA256 and AES\n");
    assert!(diagnosis.to_string().contains(&line), "{diagnosis}");

    let diagnosis = diagnose(&mint.forms("alice").bit_flipped(1).build(), &keys);
    let report = diagnosis.to_string();
    let second = report.lines().nth(1).unwrap_or_default();
    assert!(second.starts_with("tried by the fingerprints: "), "{report}");
    assert!(second.contains(&fingerprint) && second.contains(", "), "{report}");
    let trials = diagnosis.trials().iter();
    let own = trials.map(ToString::to_string).find(|trial| trial.contains("Framework45"));
    let says = "FormsAuthentication ticket, Framework45, HMACSHA256 and AES: MAC: another key";
    assert!(own.as_deref().is_some_and(|own| own.starts_with(says)), "{own:?}");
}

// ---- what people paste

#[test]
fn what_stands_around_a_ticket_is_taken_off_and_told() {
    let ticket = TicketMint::new().katana_cookie("ApplicationCookie", "alice").build();
    let token = TicketMint::new().katana_access_token("alice").build();
    let half = ticket.len() / 2;
    let (head, tail) = ticket.split_at(half);
    let line = || Notice::CookieLine(".AspNet.ApplicationCookie".to_owned());
    let name = ".AspNet.ApplicationCookie";
    for (pasted, notices) in [
        (format!("{ticket}\n"), vec![]),
        (format!("  {ticket} \n"), vec![Notice::WhiteSpace]),
        (format!("{head}\n{tail}"), vec![Notice::WhiteSpace]),
        (format!("\"{ticket}\""), vec![Notice::Quotes]),
        (format!("{name}={ticket}"), vec![line()]),
        (format!("Cookie: lang=de; {name}={ticket}; theme=dark"), vec![line()]),
        (format!("Set-Cookie: {name}={ticket}; path=/; HttpOnly"), vec![line()]),
        (format!("{name}=\"{ticket}\""), vec![line(), Notice::Quotes]),
        (format!("Bearer {token}"), vec![Notice::BearerPrefix]),
        (format!("Authorization: Bearer {token}"), vec![Notice::BearerPrefix]),
        (ticket.replace('-', "%2D").replace('_', "%5f") + "%3D%3D", vec![Notice::UrlEncoded]),
        (
            format!("{name}=chunks:2; {name}C2={tail}; x=y; {name}C1={head}"),
            vec![line(), Notice::ChunksJoined(2)],
        ),
    ] {
        let diagnosis = diagnose(&pasted, &DiagnosisKeys::new(mint_key()).unwrap());
        assert_eq!(diagnosis.notices(), notices, "{pasted}");
        if pasted.ends_with("%3D%3D") {
            continue;
        }
        assert_eq!(diagnosis.fits().len(), 1, "{pasted}\n{diagnosis}");
        for notice in notices {
            assert!(diagnosis.to_string().contains(&format!("note: {notice}\n")));
        }
    }
}

#[test]
fn what_is_something_else_is_told_and_no_key_is_tried() {
    let data_protection = "CfDJ8Ls1X7KcE2tOmSyrHVu9Jz0";
    for (text, notice, says) in [
        (data_protection, Notice::DataProtection, "ASP.NET Core Data Protection, which comes with"),
        ("09F0C9F000112233", Notice::DataProtection, "later change"),
        ("09f0c9f000112233", Notice::DataProtection, "later change"),
        ("eyJhbGciOiJSUzI1NiJ9.e30.c2ln", Notice::Jwt, "use --issuer"),
        ("eyJhbGciOiJSU0EtT0FFUCJ9.a.b.c.d", Notice::EncryptedJwt, "encrypted JWT"),
        ("chunks:3", Notice::ChunkMarker, "in chunks"),
        ("", Notice::Empty, "no text"),
        (" \n", Notice::Empty, "no text"),
        ("lit3py55t21z5v55vlm25s55", Notice::AspNetSessionId, "session state"),
    ] {
        let diagnosis = diagnose(text, &DiagnosisKeys::new(mint_key()).unwrap());
        assert!(diagnosis.notices().contains(&notice), "{text:?}: {diagnosis}");
        assert!(diagnosis.fits().is_empty() && diagnosis.trials().is_empty(), "{text:?}");
        assert!(!diagnosis.is_good());
        assert!(diagnosis.to_string().contains(says), "{text:?}: {diagnosis}");
    }
    let line = "ASP.NET_SessionId=lit3py55t21z5v55vlm25s55; path=/";
    let diagnosis = diagnose(line, &DiagnosisKeys::new(mint_key()).unwrap());
    assert!(diagnosis.notices().contains(&Notice::AspNetSessionId));

    // two segments, three without a header: nothing that is known
    for text in ["eyJhbGciOiJSUzI1NiJ9.e30", "a.b.c"] {
        let diagnosis = diagnose(text, &DiagnosisKeys::new(mint_key()).unwrap());
        assert_eq!(diagnosis.notices(), [], "{text}");
        let steps: BTreeSet<_> = diagnosis.trials().iter().map(|trial| trial.step).collect();
        assert_eq!(steps, BTreeSet::from([Step::Text]), "{text}");
    }
}

#[test]
fn a_reference_to_a_session_is_told() {
    let mint = TicketMint::new();
    let ticket = mint.katana_cookie("ApplicationCookie", "alice");
    assert_eq!(minted(&ticket).notices(), []);
    let ticket = ticket.claim(KatanaCookie::SESSION_ID, "8f1b");
    assert_eq!(minted(&ticket).notices(), [Notice::SessionReference]);
}

#[test]
fn keys_are_told_what_is_wrong_with_them() {
    let short = MachineKey::builder("0102030405", &"5C".repeat(32))
        .compatibility_mode(CompatibilityMode::Framework20Sp1);
    let diagnosis = diagnose("00", &DiagnosisKeys::new(short).unwrap());
    assert!(
        matches!(diagnosis.notices(), [Notice::KeyRefused(_, why)] if why.contains("at least 20")),
        "{:?}",
        diagnosis.notices()
    );
    for (key, says) in [("AutoGenerate", "generate"), ("xyz", "hexadecimal digits"), ("", "empty")]
    {
        let error = DiagnosisKeys::new(MachineKey::builder(key, &"5C".repeat(32))).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
    }
    let known = DiagnosisKeys::new(mint_key()).unwrap();
    assert!(known.also(MachineKey::builder("A0", "x")).is_err());
}

// ---- anything at all

#[test]
fn no_truncation_and_no_change_panics_or_fits() {
    let mint = TicketMint::new();
    let keys = DiagnosisKeys::new(mint_key()).unwrap();
    for ticket in [mint.forms("alice").build(), mint.katana_access_token("alice").build()] {
        for length in (0..ticket.len()).step_by(7).chain([1, 2, 3, ticket.len() - 1]) {
            let diagnosis = diagnose(&ticket[..length], &keys);
            assert!(diagnosis.fits().is_empty(), "{length}\n{diagnosis}");
            assert!(diagnosis.to_string().starts_with("nothing fits\n"));
        }
    }
    for text in [
        "%",
        "%%%",
        "a%2",
        "=",
        "==;=",
        "=a",
        "a=",
        ";;;",
        "\"",
        "''",
        "é=ü",
        "Bearer ",
        "\u{2028}",
        "chunks:99999999999999999999",
        "x=chunks:99999999; y=z",
        "x=chunks:0",
        "%ff%fe",
        "set-cookie:",
    ] {
        assert!(diagnose(text, &keys).fits().is_empty(), "{text:?}");
    }
    let long = "A".repeat(200_000);
    assert!(diagnose(&long, &keys).fits().is_empty());
}

// ---- the example

#[test]
fn the_example_plays_its_table_and_tells_wrong_usage() {
    use std::{
        io::Write as _,
        process::{Command, Stdio},
    };

    let inspect = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO"));
        command.args(["run", "--quiet", "--example", "inspect", "--"]).args(arguments);
        command
    };
    let output = inspect(&["--check"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.ends_with("checks, 0 wrong\n"), "{text}");

    let output = inspect(&["--machine-key"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty() && !output.stderr.is_empty());

    // from standard input, with the keys of another example
    let config = "examples/legacy_estate/web.config";
    let mut child = inspect(&["--machine-key", config, "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"chunks:3\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.starts_with("nothing fits\nnote: this marks a cookie in chunks"), "{text}");
}
