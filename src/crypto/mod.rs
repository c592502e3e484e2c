//! The only rooms that know a crypto library.

pub(crate) mod constant_time;
