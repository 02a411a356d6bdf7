//! How programs that answer JSON-RPC differ from Lotus.

/// How a program's methods are called, and what may be asked and printed of it.
pub(super) struct Dialect {
    /// What stands before the name of each method.
    pub prefix: &'static str,
    /// Whether a method may be called at all.
    pub allows: fn(&str) -> bool,
    /// Takes out of a text that the program wrote what must not be printed, besides what opens it.
    pub redact: fn(&str) -> String,
    /// Whether an empty body is that of a call which the program cannot answer, and not of another program.
    pub may_be_silent: bool,
}

impl Dialect {
    /// Lotus and its relatives: the methods that this program calls only read.
    pub const LOTUS: Dialect =
        Dialect { prefix: "Filecoin.", allows: |_| true, redact: str::to_owned, may_be_silent: false };
}
