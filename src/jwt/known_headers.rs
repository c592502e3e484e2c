//! Headers that need not be parsed again.

use std::sync::OnceLock;

use super::jws::{Compact, Header};

/// The header segments of the first tokens that were verified, with what they say. The tokens of one
/// key all have the same.
///
/// What a segment says depends on nothing but its letters, so a known one may be taken as read: the
/// key is looked up and the signature checked all the same. Only verified tokens are noted, so that
/// a stranger fills no place.
#[derive(Default)]
pub(super) struct KnownHeaders([OnceLock<Known>; PLACES]);

struct Known {
    segment: Box<str>,
    header: Header<'static>,
}

impl KnownHeaders {
    pub(super) fn find(&self, compact: &Compact<'_>) -> Option<&Header<'static>> {
        let known = self.0.iter().map_while(OnceLock::get);
        known.into_iter().find(|it| *it.segment == *compact.header_segment()).map(|it| &it.header)
    }

    /// Notes the header of a verified token, while there is room.
    pub(super) fn note(&self, compact: &Compact<'_>, header: &Header<'_>) {
        let segment = compact.header_segment();
        if segment.len() > LONGEST {
            return;
        }
        if let Some(place) = self.0.iter().find(|place| place.get().is_none()) {
            // whoever comes second notes nothing; a later token will
            let _ = place.set(Known { segment: segment.into(), header: header.to_owned() });
        }
    }
}

/// Enough for the keys of several rotations; what comes later is parsed.
const PLACES: usize = 8;
const LONGEST: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{base64url, jwt::jws::HeaderBuffer};

    #[test]
    fn the_first_few_of_usual_length_are_noted_whole() {
        let known = KnownHeaders::default();
        let long = "k".repeat(400);
        for (number, kid) in
            [&*long, "0", "1", "2", "3", "4", "5", "6", "7", "8"].iter().enumerate()
        {
            let header = format!(r#"{{"alg":"HS256","kid":"{kid}","typ":"at+jwt","cty":"x"}}"#);
            let token = format!("{}.e30.AA", base64url::encode(header));
            let compact = Compact::split(&token).unwrap();
            let mut buffer = HeaderBuffer::new();
            assert!(known.find(&compact).is_none());
            known.note(&compact, &compact.header(&mut buffer).unwrap());
            let found = known.find(&compact);
            assert_eq!(found.is_some(), (1..=PLACES).contains(&number), "{kid}");
            if let Some(header) = found {
                assert_eq!(header.kid.as_deref(), Some(*kid));
                let others = (header.typ.as_deref(), header.cty.as_deref());
                assert_eq!(others, (Some("at+jwt"), Some("x")));
            }
        }
    }
}
