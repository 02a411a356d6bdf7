//! x
pub mod textfile;
