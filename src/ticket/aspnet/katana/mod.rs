//! Katana tickets.
mod date;
mod gzip;
mod properties;
mod serializer;
#[cfg(test)]
mod tests;
mod text;
