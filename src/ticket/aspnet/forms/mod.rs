//! FormsAuthentication tickets.
mod fields;
mod framework20;
#[cfg(test)]
mod tests;
mod version1;
