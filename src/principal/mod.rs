//! Who is calling: the words for it.
//!
//! A [`SchemeName`] says by which scheme, an [`Identity`] what that scheme proved, and a
//! [`Principal`] is the ordered list of identities that a route may see, the first one primary.

mod builder;
mod identity;
mod lease;
mod memo;
mod names;
mod origin;
mod people;
mod scope;
mod span;

pub use builder::IdentityBuilder;
pub use identity::{Identity, SubjectKind};
pub use lease::Lease;
pub use names::{Bearer, Cookies, SchemeName, SchemeNames, SchemeTag};
pub use origin::Origin;
pub use people::Principal;
pub use scope::Scope;
pub(crate) use scope::is_scope_token;
