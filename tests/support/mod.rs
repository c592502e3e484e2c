//! What the chapters share: issuers, requests, and readers of answers.

pub mod desk;
pub mod fixed;
pub mod house;
pub mod logs;
pub mod sign;
pub mod stand;
pub mod tls;
pub mod token_request;
