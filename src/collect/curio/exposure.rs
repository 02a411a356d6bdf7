//! Whether the web UI, which has no password, is open to others than its own machine.

use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::connect::Cluster;
use super::text::host_of;
use crate::collect::run::Run;
use crate::collect::slow;
use crate::discover::curio::is_loopback;
use crate::expose::{Samples, families};
use crate::rpc::curio::{Curio, methods};
use crate::rpc::{Budget, Granted, Habits};

/// A web UI in the network of this machine answers at once.
const PATIENCE: Duration = Duration::from_secs(8);

/// What was found last.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    asked_seconds: Option<f64>,
    pub is_exposed: Option<bool>,
}

pub fn fetch(cluster: &Cluster, is_up: bool, run: &Run) -> Result<Facts> {
    if cluster.granted == Granted::Everything {
        return Ok(Facts { asked_seconds: None, is_exposed: is_up.then_some(false) });
    }
    // A proxy asks for the password that it was called with, or not: the program cannot tell.
    if cluster.granted != Granted::Anonymous || !is_up {
        return Ok(Facts::default());
    }
    if !is_loopback(host_of(&cluster.name)) {
        return Ok(Facts { asked_seconds: None, is_exposed: Some(true) });
    }
    let section = cluster.section("exposure");
    let mut facts: Facts = run.state.recall(&section);
    if slow::is_due(facts.asked_seconds, run.now, run.slow_period_seconds) {
        let is_exposed = cluster.elsewhere.as_ref().map(|transport| {
            let budget = Budget::new(PATIENCE.min(run.timeout));
            let elsewhere = Curio::new(cluster.curio.name().to_owned(), transport.clone(), budget, Habits::default());
            elsewhere.call::<String>(methods::VERSION, json!([])).is_ok()
        });
        // A machine without a network has nobody else.
        facts = Facts { asked_seconds: Some(run.now), is_exposed: Some(is_exposed.unwrap_or(false)) };
        run.state.remember(&section, &facts);
    }
    Ok(facts)
}

pub fn expose(facts: &Facts, cluster: &Cluster, samples: &mut Samples) {
    samples.add(&families::CURIO_WEB_EXPOSED, [&cluster.name], facts.is_exposed);
}
