//! What went wrong while a collector worked, without ending it.

/// Collects the problems of one collector, each as a line that names the node.
#[derive(Debug)]
pub struct Problems {
    node: String,
    lines: Vec<String>,
    failures: usize,
}

impl Problems {
    /// No problems yet. `node` is how lines about an answer call who gave it.
    pub fn new(node: &str) -> Self {
        Problems { node: node.to_owned(), lines: Vec::new(), failures: 0 }
    }

    /// Notes something wrong in an answer: `what` names the method, the field and what is wrong with it.
    pub fn note(&mut self, what: impl std::fmt::Display) {
        let line = format!("{}: {what}; left out", self.node);
        self.error(line);
    }

    /// Notes an error as it is.
    pub fn error(&mut self, error: impl std::fmt::Display) {
        self.failures += 1;
        self.remark(error);
    }

    /// Notes something that people should read, although the collector got what it asked for.
    pub fn remark(&mut self, remark: impl std::fmt::Display) {
        self.lines.push(remark.to_string());
    }

    /// Whether the collector did not get everything that it asked for.
    pub fn is_failure(&self) -> bool {
        self.failures > 0
    }

    /// How many errors were noted so far. A difference tells whether what was read in between is whole.
    pub fn failures(&self) -> usize {
        self.failures
    }

    /// The lines.
    pub fn into_lines(self) -> Vec<String> {
        self.lines
    }
}
