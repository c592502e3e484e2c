//! What is seen at a glance.

use std::fmt;

/// Something about the text or the key that is worth a line of its own. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// The id of a session of `System.Web`: no ticket.
    AspNetSessionId,
    /// It stood behind `Bearer`.
    BearerPrefix,
    /// Katana's mark of a cookie in chunks, and not every chunk is there.
    ChunkMarker,
    /// The chunks of a cookie were put together: so many.
    ChunksJoined(usize),
    /// A `Cookie` or `Set-Cookie` line; the value of this cookie is looked at.
    CookieLine(String),
    /// A payload of ASP.NET Core's Data Protection.
    DataProtection,
    /// There is no text.
    Empty,
    /// An encrypted JWT: five segments.
    EncryptedJwt,
    /// A JWT: three segments.
    Jwt,
    /// The key with this fingerprint is refused as it was given: this is the
    /// [`BuildError`](crate::BuildError)'s text.
    KeyRefused(String, String),
    /// The key with this fingerprint is printed in public repositories.
    PublishedKey(String),
    /// Quotes stood around it.
    Quotes,
    /// The ticket names a session in the application's own store and holds nothing else.
    SessionReference,
    /// Percent signs of a URL stood in it.
    UrlEncoded,
    /// White space stood around it or in it.
    WhiteSpace,
}

impl Notice {
    /// The text is something else, so that no key is tried.
    pub(super) const fn is_foreign(&self) -> bool {
        matches!(
            self,
            Self::AspNetSessionId
                | Self::ChunkMarker
                | Self::DataProtection
                | Self::Empty
                | Self::EncryptedJwt
                | Self::Jwt
        )
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AspNetSessionId => {
                "this is an id of System.Web's session state: it says nothing about who signed in; \
                 look for .ASPXAUTH or .AspNet.ApplicationCookie"
            }
            Self::BearerPrefix => "the scheme's name before the token was left out",
            Self::ChunkMarker => {
                "this marks a cookie in chunks: paste the whole Cookie line, or the values of NAMEC1, \
                 NAMEC2 … put together"
            }
            Self::ChunksJoined(count) => return write!(f, "{count} chunks were put together"),
            Self::CookieLine(name) => {
                return write!(f, "a whole cookie line: the value of {name} is looked at");
            }
            Self::DataProtection => {
                "this is ASP.NET Core Data Protection, which comes with a later change; machine keys \
                 do not open it"
            }
            Self::Empty => "there is no text",
            Self::EncryptedJwt => {
                "this is an encrypted JWT (five segments): its issuer must be told to sign without \
                 encrypting"
            }
            Self::Jwt => "this is a JWT (three segments): no ticket; use --issuer",
            Self::KeyRefused(key, why) => {
                return write!(f, "as it was given, the machine key {key} is refused: {why}");
            }
            Self::PublishedKey(key) => {
                return write!(
                    f,
                    "the machine key {key} is published: anybody can write tickets with it; \
                     generate another"
                );
            }
            Self::Quotes => "the quotes around it were left out; the application must not get them",
            Self::SessionReference => {
                "the ticket names a session in the application's own store (SessionStore): what was \
                 signed in is there, and another application can not read it"
            }
            Self::UrlEncoded => {
                "it was URL-encoded and was decoded; the application must get it decoded"
            }
            Self::WhiteSpace => {
                "white space around it or in it was left out; the application must get it without"
            }
        })
    }
}
