//! What was found, by severity and by miner.

use serde::Serialize;

use super::facts::Standing;
use super::miner::Miner;

/// How bad it is, according to the alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Critical,
    Warning,
}

impl Severity {
    /// The value of the label `severity`.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Critical => "critical",
            Severity::Warning => "warning",
        }
    }
}

/// Something that an alert is about.
#[derive(Serialize)]
pub struct Finding {
    pub severity: Severity,
    /// The alert, whose section in docs/runbooks.md says what to do.
    pub alert: &'static str,
    pub miner_id: Option<String>,
    pub text: String,
    /// Which sectors, hosts, storage paths or messages it is about, by their ids, where it is about such.
    pub subjects: Vec<String>,
}

/// Something that may be wrong: the alert about it compares with earlier runs.
pub struct Note {
    pub miner_id: Option<String>,
    pub text: String,
}

impl Finding {
    /// The text, after the miner that it is about.
    pub fn line(&self) -> String {
        line(self.miner_id.as_ref(), &self.text)
    }
}

impl Note {
    /// The text, after the miner that it is about.
    pub fn line(&self) -> String {
        line(self.miner_id.as_ref(), &self.text)
    }
}

fn line(miner_id: Option<&String>, text: &str) -> String {
    miner_id.map_or(text.to_owned(), |id| format!("{id}: {text}"))
}

impl Standing {
    /// The worst of what was found by these alerts, about a miner or about none.
    pub fn worst(&self, alerts: &[&str], miner: Option<&Miner>) -> Option<Severity> {
        self.of(alerts, miner).map(|finding| finding.severity).min()
    }

    /// The worst of what was found by these alerts about one of a miner's sectors, hosts or paths, or about a message.
    pub fn worst_about(&self, subject: &str, alerts: &[&str], miner: Option<&Miner>) -> Option<Severity> {
        let is_about = |finding: &&Finding| finding.subjects.iter().any(|known| known == subject);
        self.of(alerts, miner).filter(is_about).map(|finding| finding.severity).min()
    }

    fn of(&self, alerts: &[&str], miner: Option<&Miner>) -> impl Iterator<Item = &Finding> {
        let miner_id = miner.map(|miner| miner.miner_id.as_str());
        let is_of =
            move |finding: &&Finding| alerts.contains(&finding.alert) && finding.miner_id.as_deref() == miner_id;
        self.findings.iter().filter(is_of)
    }
}
