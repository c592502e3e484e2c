//! Tickets of ASP.NET applications, opened and written from their keys alone, without .NET.

mod hex;
mod machine_key;
mod url_token;

pub use machine_key::{
    CompatibilityMode, DangerousMachineKey, Decryption, MachineKey, MachineKeyBuilder, Protection,
    Protector, Validation,
};
