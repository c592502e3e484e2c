//! The keys of an issuer, fetched and kept fresh. The rules stand at [`RemoteKeys`].

mod builder;
mod flight;
mod ledger;
mod load;
mod location;
mod remote_keys;
mod snapshot;

pub use builder::{DangerousRemoteKeys, RemoteKeysBuilder};
pub use location::KeyLocation;
pub use remote_keys::RemoteKeys;
