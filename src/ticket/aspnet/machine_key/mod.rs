//! ASP.NET's machine key.
//!
//! 1. [`MachineKey`] holds the two keys and what a `<machineKey>` says about them; a
//!    [`MachineKeyBuilder`] checks it, from hexadecimal or from a configuration file.
//! 2. [`Protector`] is `MachineKey.Protect` and `Unprotect` for one chain of purposes, with the keys
//!    derived once.
//! 3. Forms tickets take the same way under `Framework45`, and the older one below it.

mod algorithms;
mod builder;
mod config;
mod examine;
mod forms;
mod framework45;
mod key;
mod legacy;
mod settings;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;

pub(super) use builder::is_published;
pub use builder::{DangerousMachineKey, MachineKeyBuilder};
pub(super) use examine::{Fault, examine_forms, examine_protected};
pub(crate) use forms::FormsProtector;
pub use framework45::Protector;
pub use key::MachineKey;
pub use settings::{CompatibilityMode, Decryption, MachineKeyChoices, Protection, Validation};
