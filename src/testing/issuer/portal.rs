//! The other application: it signs users in with FormsAuthentication, and shares the cookie.

use bytes::Bytes;
use http::{HeaderMap, Method, Response, header, request::Parts};

use super::{
    MockIssuer,
    answer::with,
    fault::page,
    form::Form,
    refusal::{Refusal, bad},
};
use crate::{
    Attempt,
    scheme::TicketCookie,
    ticket::{
        Ticket, TicketValidator,
        aspnet::{FormsTickets, MachineKey},
    },
    token::{Presented, TokenValidator as _},
};
