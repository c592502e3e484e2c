//! How the application makes a ticket anew.

use std::{fmt, sync::Arc};

use super::Ticket;
use crate::{attempt::Attempt, error::AuthError};

/// Makes the ticket anew of a user who was checked.
#[derive(Clone)]
pub(super) struct Regenerate(pub(super) Arc<Make>);

pub(super) type Make = dyn Fn(&Ticket) -> Attempt<Result<Ticket, AuthError>> + Send + Sync;

impl fmt::Debug for Regenerate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Regenerate")
    }
}
