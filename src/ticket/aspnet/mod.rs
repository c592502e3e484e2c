//! The tickets of ASP.NET.
mod binary;
mod forms;
mod katana;
