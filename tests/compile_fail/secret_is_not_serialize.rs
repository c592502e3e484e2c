//! A secret is not written back with the configuration.
use portcullis::Secret;

#[derive(serde::Serialize)]
struct Configuration {
    secret: Secret,
}

fn main() {}
