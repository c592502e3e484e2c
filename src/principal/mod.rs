//! Who is calling: the words for it.
//!
//! A [`SchemeName`] says by which scheme, an [`Identity`] what that scheme proved, and a
//! [`Principal`] is the ordered list of identities that a route may see, the first one primary.

mod identity;
mod lease;
mod names;
mod people;
mod scope;

pub use identity::{Identity, IdentityBuilder, SubjectKind};
pub use lease::Lease;
pub use names::{Bearer, Cookies, SchemeName, SchemeNames, SchemeTag};
pub use people::Principal;
pub use scope::Scope;
pub(crate) use scope::is_scope_token;
