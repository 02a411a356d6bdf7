//! The command `bundle`: the files of the suite that are not the exporter, carried in it, so that one file brought to a machine without
//! network is the whole suite.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::textfile;

macro_rules! files {
    ($($path:literal)*) => {
        /// Every file: its path in the repository and its content.
        pub static FILES: &[(&str, &[u8])] = &[$(($path, include_bytes!(concat!("../", $path)))),*];
    };
}

files! {
    ".env.example"
    "CHANGELOG.md"
    "Dockerfile"
    "LICENSE-APACHE"
    "LICENSE-MIT"
    "README.md"
    "compose.yaml"
    "compose/alertmanager/alertmanager.yml"
    "compose/exporter/README.md"
    "compose/grafana/provisioning/dashboards/farcaster.yaml"
    "compose/grafana/provisioning/datasources/prometheus.yaml"
    "compose/prometheus/prometheus.yml"
    "compose/prometheus/rules/blocks.yaml"
    "compose/prometheus/rules/chain.yaml"
    "compose/prometheus/rules/exporter.yaml"
    "compose/prometheus/rules/machines.yaml"
    "compose/prometheus/rules/money.yaml"
    "compose/prometheus/rules/news.yaml"
    "compose/prometheus/rules/proving.yaml"
    "compose/prometheus/rules/recording.yaml"
    "compose/prometheus/rules/screens.yaml"
    "compose/prometheus/rules/sealing.yaml"
    "compose/prometheus/rules/thresholds.yaml"
    "compose/prometheus/rules/watcher.yaml"
    "compose/prometheus/targets/README.md"
    "compose/secrets/README.md"
    "dashboards/blocks-rewards.json"
    "dashboards/deals.json"
    "dashboards/fleet.json"
    "dashboards/miner.json"
    "dashboards/node.json"
    "dashboards/proving.json"
    "dashboards/sealing.json"
    "dashboards/wallets-gas.json"
    "dashboards/workers-storage.json"
    "docker/folders.tar.gz"
    "docs/ARCHITECTURE.md"
    "docs/BENCHMARK.md"
    "docs/METRICS.md"
    "docs/NIX.md"
    "docs/RELEASING.md"
    "docs/STACK.md"
    "docs/SYSTEMD.md"
    "docs/runbooks.md"
    "systemd/drop-ins/local-nodes.conf"
    "systemd/drop-ins/lotus-user.conf"
    "systemd/lotus-farcaster-once.service"
    "systemd/lotus-farcaster-once.timer"
    "systemd/lotus-farcaster.service"
    "systemd/sysusers.conf"
    "systemd/tmpfiles.conf"
}

/// The paths, one a line.
pub fn list() -> String {
    FILES.iter().map(|(path, _)| format!("{path}\n")).collect()
}

/// Writes every file below `folder`, which is made where it is missing. Returns how many were written: those that are there already, as
/// they should be, are left alone.
///
/// # Errors
///
/// A file that is there with another content, which may be somebody's work, is not replaced, and then nothing is written at all. Else where
/// a folder or file cannot be written.
pub fn write(folder: &Path) -> Result<usize> {
    let mut missing = Vec::new();
    let mut changed = Vec::new();
    for (path, content) in FILES {
        match fs::read(folder.join(path)) {
            Ok(there) if there == *content => {}
            Ok(_) => changed.push(*path),
            Err(error) if error.kind() == ErrorKind::NotFound => missing.push((path, content)),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", folder.join(path).display())),
        }
    }
    if !changed.is_empty() {
        bail!(
            "{} has other versions of {}: nothing was written; name an empty folder, or move these away",
            folder.display(),
            changed.join(", ")
        );
    }
    for (path, content) in &missing {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        }
        textfile::replace(&path, content, 0o644)?;
    }
    Ok(missing.len())
}
