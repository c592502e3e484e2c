//! One fetch: the metadata document if it is needed, then the key set.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, Uri, header};

use crate::{
    fetch::{Failure, NO_CACHE, Origin, check_document, get, seconds},
    jwt::{Jwk, JwkSet},
};

/// What to ask for, and how much of it to take.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) origin: Origin,
    pub(super) max_keys: usize,
}

/// What the metadata document says.
#[derive(Clone, Debug)]
pub(super) struct Metadata {
    jwks_uri: Uri,
}

/// How to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// An unknown `kid`: caches on the way must not answer.
    Forced,
    /// The keys are getting old, or there are none.
    Regular,
    /// The operator wants to know what is there now.
    Reload,
}

/// A good answer.
#[derive(Debug)]
pub(super) struct Loaded {
    /// `None`: those of the last answer (304).
    pub(super) keys: Option<Vec<Arc<Jwk>>>,
    pub(super) metadata: Option<Metadata>,
    /// It was asked for, and not taken over from the last answer.
    pub(super) metadata_is_new: bool,
    pub(super) etag: Option<HeaderValue>,
    /// How long the issuer says that the answer is fresh.
    pub(super) max_age: Option<Duration>,
}

/// What the last good answer said.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) metadata: Option<&'a Metadata>,
    /// The metadata need not be read again yet.
    pub(super) metadata_is_fresh: bool,
    pub(super) etag: Option<&'a HeaderValue>,
    /// The answer will be the last word on what is unknown: no cache on the way may give it.
    pub(super) past_caches: bool,
}

impl Source {
    /// Asks. `last` gives what need not be asked again.
    pub(super) async fn load(
        &self,
        purpose: Purpose,
        last: Known<'_>,
        after_failure: bool,
    ) -> Result<Loaded, Failure> {
        let known = last.metadata;
        let reuse = purpose == Purpose::Forced && last.metadata_is_fresh && !after_failure;
        let metadata = match self.origin.location.issuer() {
            None => None,
            // an unknown `kid` costs the issuer one request, not two
            Some(_) if reuse && known.is_some() => known.cloned(),
            Some(issuer) => {
                let past_caches = last.past_caches;
                let jwks_uri = self.origin.metadata(issuer, "jwks_uri", past_caches).await?;
                Some(Metadata { jwks_uri })
            }
        };
        let jwks_uri = metadata.as_ref().map_or(&self.origin.url, |metadata| &metadata.jwks_uri);
        let same_place = known.map(|known| &known.jwks_uri)
            == metadata.as_ref().map(|metadata| &metadata.jwks_uri);
        let etag = last.etag.filter(|_| same_place && purpose != Purpose::Reload);
        let response = self.ask(jwks_uri, last.past_caches, etag).await?;
        let keys = match response.status().as_u16() {
            304 if etag.is_some() => None,
            _ => Some(self.keys(jwks_uri, &response)?),
        };
        let headers = response.headers();
        let etag = headers.get(header::ETAG).or_else(|| etag.filter(|_| keys.is_none())).cloned();
        let metadata_is_new = !(reuse && known.is_some());
        Ok(Loaded { keys, metadata, metadata_is_new, etag, max_age: max_age(headers) })
    }

    fn keys(&self, url: &Uri, response: &Response<Bytes>) -> Result<Vec<Arc<Jwk>>, Failure> {
        let wrong = |problem: String| Failure::of(url, response, problem);
        check_document(response).map_err(wrong)?;
        let set = JwkSet::parse_remote(response.body(), self.max_keys)
            .map_err(|error| wrong(error.to_string()))?;
        for skipped in set.skipped() {
            tracing::warn!(target: "portcullis::keys", %url, %skipped, "a key was left out");
        }
        Ok(set.into_keys().into_iter().map(Arc::new).collect())
    }

    async fn ask(
        &self,
        url: &Uri,
        past_caches: bool,
        etag: Option<&HeaderValue>,
    ) -> Result<Response<Bytes>, Failure> {
        let mut request = get(url);
        if past_caches {
            request.headers_mut().insert(header::CACHE_CONTROL, NO_CACHE);
        }
        if let Some(etag) = etag {
            request.headers_mut().insert(header::IF_NONE_MATCH, etag.clone());
        }
        self.origin.send(request).await.map_err(|error| Failure::at(url, &error))
    }
}

/// The freshness that the answer grants (RFC 9111 §4.2.1), less its `Age`. What is no number grants
/// nothing; of several the shortest counts.
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let granted = headers
        .get_all(header::CACHE_CONTROL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|directive| directive.split_once('='))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("max-age"))
        .filter_map(|(_, value)| seconds(value.trim().trim_matches('"')))
        .min()?;
    let age = headers.get(header::AGE).and_then(|age| seconds(age.to_str().ok()?.trim()));
    Some(granted.saturating_sub(age.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn max_age_is_read_as_rfc_9111_writes_it() {
        for (cache_control, age, expected) in [
            (&["max-age=300"][..], None, Some(300)),
            (&["public, MAX-AGE=300"], None, Some(300)),
            (&["max-age=\"300\""], None, Some(300)),
            (&["max-age=600", "max-age=300"], None, Some(300)),
            (&["max-age=600"], Some("100"), Some(500)),
            (&["max-age=60"], Some("100"), Some(0)),
            (&["max-age=0"], None, Some(0)),
            (&["max-age=99999999999999999999"], None, Some(u64::from(u32::MAX))),
            (&["max-age=-1"], None, None),
            (&["max-age=abc"], None, None),
            (&["max-age="], None, None),
            (&["s-maxage=300"], None, None),
            (&["no-store"], None, None),
            (&[], Some("3"), None),
        ] {
            let mut headers = HeaderMap::new();
            for value in cache_control {
                headers.append(header::CACHE_CONTROL, HeaderValue::from_static(value));
            }
            if let Some(age) = age {
                headers.insert(header::AGE, HeaderValue::from_static(age));
            }
            let expected = expected.map(Duration::from_secs);
            assert_eq!(max_age(&headers), expected, "{cache_control:?} {age:?}");
        }
    }
}
