//! The validator of tickets: what it judges for every format alike. The formats themselves, and
//! cookies, have tests of their own.

mod bench;
mod claims;
mod families;
mod lifetime;
mod overtaken;
mod revalidation;
mod sessions;
mod times;
mod vectors;
