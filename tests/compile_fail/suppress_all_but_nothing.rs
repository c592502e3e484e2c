//! Whoever hides everything says `suppress_all`.
use portcullis::AuthenticateLayer;

fn hide(gate: &AuthenticateLayer) {
    let _ = gate.suppress_all_but(());
}

fn main() {}
