//! What `check` found, one finding a line, before it is printed in one form or another.

/// The text of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Right,
    Wrong,
    Remark,
}

impl Mark {
    /// As the JSON has it.
    pub fn word(self) -> &'static str {
        match self {
            Mark::Right => "ok",
            Mark::Wrong => "wrong",
            Mark::Remark => "remark",
        }
    }
}

/// What a finding is about, in the order in which they are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    Nodes,
    Permissions,
    Collectors,
    Alerts,
    Settings,
    TextFile,
    NodeExporter,
    Prometheus,
}

impl Section {
    pub const ALL: [Section; 8] = [
        Section::Nodes,
        Section::Permissions,
        Section::Collectors,
        Section::Alerts,
        Section::Settings,
        Section::TextFile,
        Section::NodeExporter,
        Section::Prometheus,
    ];

    /// As the JSON has it.
    pub fn word(self) -> &'static str {
        match self {
            Section::Nodes => "nodes",
            Section::Permissions => "permissions",
            Section::Collectors => "collectors",
            Section::Alerts => "alerts",
            Section::Settings => "settings",
            Section::TextFile => "text_file",
            Section::NodeExporter => "node_exporter",
            Section::Prometheus => "prometheus",
        }
    }

    /// Above its findings.
    pub fn heading(self) -> &'static str {
        match self {
            Section::Nodes => "Nodes",
            Section::Permissions => "Permissions",
            Section::Collectors => "Collectors",
            Section::Alerts => "What the alerts would say now",
            Section::Settings => "Settings and memory",
            Section::TextFile => "Text file",
            Section::NodeExporter => "node_exporter",
            Section::Prometheus => "Prometheus",
        }
    }
}

/// One finding.
#[derive(Clone, Debug)]
pub struct Finding {
    pub section: Section,
    pub mark: Mark,
    /// The whole of it, for people: one line.
    pub what: String,
    /// The node that it is about, like `daemon 127.0.0.1:1234`.
    pub node: Option<String>,
    /// The alert that would say it, and in which severity.
    pub alert: Option<(&'static str, &'static str)>,
    /// How many calls brought nothing for this cause.
    pub calls: u64,
    /// The collectors that failed for it, like `power f01234`.
    pub collectors: Vec<String>,
}

/// All findings. The one place that decides whether anything is wrong.
#[derive(Default)]
pub struct Findings {
    pub all: Vec<Finding>,
}

impl Findings {
    /// Adds a finding that consists only of its text.
    pub fn add(&mut self, section: Section, mark: Mark, what: impl Into<String>) -> &mut Finding {
        self.push(Finding {
            section,
            mark,
            what: what.into(),
            node: None,
            alert: None,
            calls: 0,
            collectors: Vec::new(),
        })
    }

    fn push(&mut self, mut finding: Finding) -> &mut Finding {
        // What nodes and files say may hold anything.
        finding.what.retain(|c| !c.is_control());
        let index = self.all.len();
        self.all.push(finding);
        &mut self.all[index]
    }

    pub fn is_anything_wrong(&self) -> bool {
        self.count(Mark::Wrong) > 0
    }

    pub fn count(&self, mark: Mark) -> usize {
        self.all.iter().filter(|finding| finding.mark == mark).count()
    }
}
