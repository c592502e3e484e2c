//! Pages where users sign in, and the way there and back.

mod pages;
mod public_origin;
mod return_url;
mod visit;

pub(crate) use pages::Login;
pub use pages::{Compat, LoginPages, Page};
pub use public_origin::PublicOrigin;
pub use return_url::ReturnUrl;
pub(crate) use visit::Visit;
