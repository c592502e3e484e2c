//! Pages where users sign in, and the way there and back.

mod pages;
mod percent;
mod public_origin;
mod return_url;
mod visit;

pub(crate) use pages::Login;
#[cfg(feature = "tickets")]
pub(super) use pages::Page;
pub use pages::{Compat, LoginPages};
pub use public_origin::PublicOrigin;
pub use return_url::ReturnUrl;
pub(crate) use visit::Visit;
