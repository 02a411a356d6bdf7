//! Alerts that Lotus raises by itself, like a lost storage path or too few file descriptors.

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use crate::expose::{Samples, families};
use crate::rpc::{Batch, Client};
use crate::tolerant::{List, Problems};

/// What LogAlerts returns. A token without the admin permission gets nothing, which is not a failure.
pub struct Facts {
    alerts: Vec<Alert>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Alert {
    #[serde(rename = "Type")]
    kind: AlertType,
    active: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AlertType {
    system: String,
    subsystem: String,
}

pub fn fetch(client: &Client, problems: &mut Problems) -> Result<Facts> {
    let mut batch = Batch::new();
    let alerts = batch.add::<List<Alert>>("LogAlerts", json!([]));
    let answers = client.send(&batch);
    answers.reached()?;
    let alerts = problems.if_allowed(answers.get(alerts)).unwrap_or_default();
    Ok(Facts { alerts: alerts.take("LogAlerts", problems) })
}

impl Facts {
    /// What the alerts of a system are about.
    pub fn subsystems(&self, system: &str) -> impl Iterator<Item = &str> {
        self.alerts.iter().filter(move |alert| alert.kind.system == system).map(|alert| alert.kind.subsystem.as_str())
    }
}

/// `miner_id` is None for the full node.
pub fn expose(facts: &Facts, miner_id: Option<&str>, samples: &mut Samples) {
    for alert in &facts.alerts {
        let AlertType { system, subsystem } = &alert.kind;
        match miner_id {
            None => samples.add(&families::DAEMON_ALERT_ACTIVE, [system, subsystem], alert.active),
            Some(id) => samples.add(&families::MINER_ALERT_ACTIVE, [id, system, subsystem], alert.active),
        }
    }
}
