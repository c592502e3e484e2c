//! Pages where users sign in, and the way there and back.

mod percent;
mod return_url;

pub use return_url::ReturnUrl;
