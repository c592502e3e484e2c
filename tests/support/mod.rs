//! What the chapters share: issuers, requests, and readers of answers.

pub mod code_flow;
pub mod cookie_house;
pub mod desk;
pub mod estate;
pub mod fixed;
pub mod house;
pub mod logs;
pub mod pair;
pub mod scenario;
pub mod session;
pub mod sign;
pub mod site;
pub mod stand;
pub mod ticket_stand;
pub mod tls;
pub mod token_request;
