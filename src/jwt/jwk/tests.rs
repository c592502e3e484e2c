use super::*;
use crate::jwt::JwkSet;

/// RFC 7517 appendix A.1.
const EC: &str = r#""kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM""#;
/// RFC 7520 §5.4.
const P384: &str = r#""kty":"EC","crv":"P-384","x":"YU4rRUzdmVqmRtWOs2OpDE_T5fsNIodcG8G5FWPrTPMyxpzsSOGaQLpe2FpxBmu2","y":"A8-yxCHxkfBz3hKZfI1jUYMjUhsEveZ9THuwFjH2sCNdtksRJU7D5-SkgaFL1ETP""#;
/// RFC 7515 appendix A.4.
#[cfg(feature = "aws-lc")]
const P521: &str = r#""kty":"EC","crv":"P-521","x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk","y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2""#;
const OKP: &str =
    r#""kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;
const RSA: &str = r#""kty":"RSA","e":"AQAB","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw""#;
const OCT: &str = r#""kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow""#;

fn jwk(members: &str, more: &str) -> Result<Jwk, JwkError> {
    Jwk::parse(format!("{{{members}{more}}}").as_bytes())
}

fn fitting(jwk: &Jwk) -> Vec<&'static str> {
    Algorithm::ALL.iter().filter(|alg| jwk.fits(**alg)).map(|alg| alg.name()).collect()
}

#[test]
fn a_key_fits_its_own_family_and_what_it_says() {
    let rsa = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
    for (members, more, fits) in [
        (RSA, "", &rsa[..]),
        (RSA, r#","alg":"PS384""#, &["PS384"]),
        (RSA, r#","alg":"RSA-OAEP""#, &[]),
        (RSA, r#","alg":"ES256""#, &[]),
        (RSA, r#","use":"sig""#, &rsa),
        (RSA, r#","use":"enc""#, &[]),
        (RSA, r#","use":"SIG""#, &[]),
        (RSA, r#","key_ops":["verify"]"#, &rsa),
        (RSA, r#","key_ops":["sign","verify"],"use":"sig""#, &rsa),
        (RSA, r#","key_ops":[]"#, &[]),
        (RSA, r#","key_ops":["sign"]"#, &[]),
        (RSA, r#","key_ops":["verify","encrypt"]"#, &rsa),
        (RSA, r#","key_ops":["verify","encrypt"],"use":"sig""#, &[]),
        (RSA, r#","key_ops":["verify"],"use":"enc""#, &[]),
        (EC, "", &["ES256"]),
        (EC, r#","alg":"ES384""#, &[]),
        (P384, "", &["ES384"]),
        (P384, r#","alg":"ES256""#, &[]),
        (OKP, "", &["EdDSA", "Ed25519"]),
        (OKP, r#","alg":"EdDSA""#, &["EdDSA"]),
        (OKP, r#","alg":"Ed25519""#, &["Ed25519"]),
        (OCT, "", &["HS256", "HS384", "HS512"]),
        (OCT, r#","alg":"HS384""#, &["HS384"]),
        (OCT, r#","alg":"A128KW""#, &[]),
        (r#""kty":"oct","k":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg""#, "", &[]),
        (r#""kty":"oct","k":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8""#, "", &["HS256"]),
        (
            r#""kty":"oct","k":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8""#,
            r#","alg":"HS256""#,
            &["HS256"],
        ),
    ] {
        assert_eq!(fitting(&jwk(members, more).unwrap()), fits, "{more}");
    }
}

#[cfg(feature = "aws-lc")]
#[test]
fn p_521_fits_es512() {
    let jwk = jwk(P521, "").unwrap();
    assert_eq!(fitting(&jwk), ["ES512"]);
    assert_eq!(jwk.thumbprint(), "u5YUSjQ2-2chBi51NSk3t3g7IM4o2KYcnPqPtCNGd3U");
}

/// RFC 7638 §3.1 and RFC 8037 appendix A.3; the others were hashed with another tool.
#[test]
fn a_thumbprint_is_that_of_the_required_members() {
    for (members, thumbprint) in [
        (RSA, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
        (OKP, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),
        (EC, "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s"),
        (P384, "YlKlB7M2wnS0cPn_V7OW-FuDLuWdJ9z4OvPHmhGDfeE"),
        (OCT, "y_x3gCJnL6oKGBBIXScabduwxTVy2Wd2bzRVEUbdUzc"),
    ] {
        for more in ["", r#","kid":"a","alg":"x","use":"sig","x5t":"AA""#] {
            let jwk = jwk(members, more).unwrap();
            assert_eq!(jwk.thumbprint(), thumbprint, "{more}");
            let uri = format!("urn:ietf:params:oauth:jwk-thumbprint:sha-256:{thumbprint}");
            assert_eq!(jwk.thumbprint_uri(), uri);
        }
    }
}

#[test]
fn a_key_names_its_algorithm_where_it_is_known() {
    for (more, named) in [
        ("", None),
        (r#","alg":"PS384""#, Some(Algorithm::PS384)),
        (r#","alg":"ES256""#, Some(Algorithm::ES256)),
        (r#","alg":"RSA-OAEP""#, None),
        (r#","alg":"none""#, None),
    ] {
        assert_eq!(jwk(RSA, more).unwrap().algorithm(), named, "{more}");
    }
}

#[test]
fn what_is_no_key_says_why_and_shows_nothing() {
    for (document, problem) in [
        ("[]", "not an object"),
        ("{}", "kty is missing"),
        (r#"{"keys":[]}"#, "kty is missing: this is a set of keys; give one of them"),
        (r#"{"kty":1}"#, "kty is not a string"),
        (r#"{"kty":"rsa"}"#, "the key type is unknown"),
        (r#"{"kty":"RSA"}"#, "n is missing"),
        (r#"{"kty":"RSA","n":"AQAB","e":65537}"#, "e is not a string"),
        (r#"{"kty":"RSA","n":"AQAB=","e":"AQAB"}"#, "n is not base64url"),
        (r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#, "the RSA modulus is shorter than 2048 bits"),
        (r#"{"kty":"EC","x":"AA","y":"AA"}"#, "crv is missing"),
        (r#"{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"}"#, "the curve is unknown"),
        (r#"{"kty":"OKP","crv":"X25519","x":"AA"}"#, "the curve is unknown"),
        (r#"{"kty":"OKP","crv":"Ed448","x":"AA"}"#, "the curve is unknown"),
        (r#"{"kty":"oct","k":""}"#, "the secret is empty"),
        (r#"{"kty":"oct","k":"AAAA","alg":"HS256"}"#, "the secret is too short for HS256"),
        (r#"{"kty":"oct","k":"AAAA","alg":256}"#, "alg is not a string"),
        (r#"{"kty":"oct","k":"AAAA","kid":7}"#, "kid is not a string"),
        (r#"{"kty":"oct","k":"AAAA","use":null}"#, "use is not a string"),
        (r#"{"kty":"oct","k":"AAAA","key_ops":"verify"}"#, "key_ops is no array"),
        (r#"{"kty":"oct","k":"AAAA","key_ops":["verify",1]}"#, "key_ops holds more than strings"),
        (
            r#"{"kty":"oct","k":"AAAA","key_ops":["verify","verify"]}"#,
            "key_ops holds an operation twice",
        ),
        (r#"{"kty":"oct","k":"AAAA","k":"AAAA"}"#, "a name stands twice"),
    ] {
        assert_eq!(Jwk::parse(document.as_bytes()).unwrap_err().to_string(), problem, "{document}");
    }
    let off_curve = EC.replace("FyM\"", "FyI\"");
    assert!(jwk(&off_curve, r#","use":"enc""#).is_err());
    let error = jwk(r#""kty":"x""#, r#","kid":"a\nb""#).unwrap_err();
    assert_eq!((error.kid(), error.to_string().contains('\n')), (Some("a\nb"), false));
}

#[test]
fn private_members_are_noticed_and_not_kept() {
    let secret = r#","d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE""#;
    let private = jwk(EC, secret).unwrap();
    let public = jwk(EC, "").unwrap();
    assert!(private.is_private() && !public.is_private());
    assert_eq!(private.thumbprint(), public.thumbprint());
    let shown = format!("{private:?}");
    assert!(!shown.contains("870MB6") && shown.contains(&private.thumbprint()), "{shown}");
    let symmetric = jwk(OCT, "").unwrap();
    assert!(symmetric.is_private());
    let shown = format!("{symmetric:?}");
    assert!(!shown.contains("AyM1") && !shown.contains(&symmetric.thumbprint()), "{shown}");
}

#[test]
fn equal_is_the_same_key_for_the_same_use() {
    let base = || jwk(EC, r#","kid":"a""#).unwrap();
    assert_eq!(base(), base());
    assert_eq!(base(), jwk(EC, r#","kid":"a","x5t":"ignored""#).unwrap());
    for more in [
        r#","kid":"b""#,
        "",
        r#","kid":"a","alg":"ES256""#,
        r#","kid":"a","use":"enc""#,
        r#","kid":"a","d":"AA""#,
    ] {
        assert_ne!(base(), jwk(EC, more).unwrap(), "{more}");
    }
    assert_ne!(base(), jwk(OKP, r#","kid":"a""#).unwrap());
    assert_eq!(jwk(OCT, "").unwrap(), jwk(OCT, "").unwrap());
    assert_ne!(jwk(OCT, "").unwrap(), jwk(&OCT.replace("AyM1", "AyM2"), "").unwrap());
}

#[test]
fn one_bad_key_never_empties_the_set() {
    let bad = [
        r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#,
        r#"{"kty":"unknown"}"#,
        "7",
        "null",
        r#"{"kty":"oct","k":"AAAA","k":"AAAA"}"#,
    ];
    let document = format!(r#"{{"keys":[{},{{{EC}}}],"other":1}}"#, bad.join(","));
    let set = JwkSet::parse(document.as_bytes(), 10).unwrap();
    assert_eq!((set.keys().len(), set.skipped().len()), (1, bad.len()));
    assert!(JwkSet::parse(document.as_bytes(), 6).is_ok());
    assert!(JwkSet::parse(document.as_bytes(), 5).is_err());
    assert_eq!(JwkSet::parse(br#"{"keys":[]}"#, 5).unwrap().into_keys(), []);
    for document in ["{}", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#, "[]", r#"{"keys":[1,]}"#] {
        assert!(JwkSet::parse(document.as_bytes(), 10).is_err(), "{document}");
    }
}

#[test]
fn a_fetched_set_holds_public_keys_with_clear_names() {
    for (keys, kept, skipped) in [
        (vec![format!("{EC},\"kid\":\"1\""), format!("{OCT},\"kid\":\"2\"")], 1, 1),
        (vec![format!("{EC},\"kid\":\"1\",\"d\":\"AA\""), format!("{RSA},\"kid\":\"2\"")], 1, 1),
        // one name, two types: told apart by the algorithm
        (vec![format!("{EC},\"kid\":\"1\""), format!("{RSA},\"kid\":\"1\"")], 2, 0),
        (
            vec![format!("{EC},\"kid\":\"1\""), format!("{EC},\"kid\":\"1\",\"alg\":\"ES256\"")],
            0,
            2,
        ),
        (vec![EC.to_owned(), format!("{EC},\"use\":\"enc\"")], 2, 0),
    ] {
        let document = format!("{{\"keys\":[{{{}}}]}}", keys.join("},{"));
        let set = JwkSet::parse_remote(document.as_bytes(), 10).unwrap();
        assert_eq!((set.keys().len(), set.skipped().len()), (kept, skipped), "{document}");
    }
}
