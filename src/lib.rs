//! x
pub mod cli;
pub mod textfile;
