//! x
pub mod discover;
pub mod secret;
