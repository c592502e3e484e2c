//! Nobody but a gate makes a record.
use portcullis::Authentication;

fn main() {
    let _ = Authentication::new;
}
