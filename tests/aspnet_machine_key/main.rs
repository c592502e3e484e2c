//! Machine keys: what is read from a configuration, what is refused and why, and the vectors of
//! `MachineKey.Unprotect`.
#![cfg(feature = "tickets")]

mod configuration;
mod rules;
mod vectors;

use portcullis::BuildError;

const VALIDATION_KEY: &str = "9B0C7E1DE6C5F4F8A6C1F3B8D1A54C39A1E0F2D7B3C4958677F0E1D2C3B4A596";
const DECRYPTION_KEY: &str = "1F2E3D4C5B6A79880716253443526170A0B1C2D3E4F50617";

/// Refused for this field, with this part of the fix in the message, and nothing of a key.
fn assert_invalid<T>(built: Result<T, BuildError>, field: &str, fix: &str, name: &str) {
    match built {
        Err(BuildError::Invalid { field: found, problem }) => {
            assert_eq!(found, field, "{name}: {problem}");
            assert!(problem.contains(fix), "{name}: {problem}");
            for secret in [VALIDATION_KEY, DECRYPTION_KEY] {
                let secret = &secret[8..16];
                assert!(!problem.contains(secret), "{name}: a key is in the message");
            }
        }
        Err(other) => panic!("{name}: {other}"),
        Ok(_) => panic!("{name}: accepted"),
    }
}
