//! What the chapters share: issuers, requests, and readers of answers.

pub mod sign;
pub mod stand;
