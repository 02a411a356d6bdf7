//! Storage and workers of a miner, and what its lotus-miner reports of itself.

use super::Judge;
use super::Severity::{Critical, Warning};
use crate::standing::machines::store;
use crate::standing::miner::Miner;
use crate::words;

impl Judge<'_> {
    pub(super) fn machines(&mut self, miner: &Miner) {
        self.storage_paths(miner);
        self.files(miner);
        self.store(miner);
        let disabled = miner.workers.rows.iter().filter(|worker| worker.is_enabled == Some(false));
        let mut hosts: Vec<String> = disabled.map(|worker| worker.worker_host.clone()).collect();
        if !hosts.is_empty() {
            let disabled = hosts.len() as f64;
            hosts.dedup();
            let (workers, are, on) = (words::of(disabled, "worker"), words::is(disabled), hosts.join(", "));
            self.add_about(
                hosts,
                Warning,
                "FarcasterWorkerDisabled",
                Some(miner),
                format!("{workers} {are} disabled, on {on}"),
            );
        }
        for alert in &miner.lotus_alerts.rows {
            let text = format!("lotus-miner itself raises an alert: {alert}");
            self.add(Warning, "FarcasterLotusAlert", Some(miner), text);
        }
    }

    fn storage_paths(&mut self, miner: &Miner) {
        for path in miner.storage_paths.rows.iter().filter(|path| path.is_down()) {
            let severity = if path.sector_files == Some(0.0) { Warning } else { Critical };
            let text = format!("the storage path {} does not answer", path.name());
            self.add_about(vec![path.storage_id.clone()], severity, "FarcasterStorageDown", Some(miner), text);
        }
        let is_for_sealing = |can_seal, can_store| can_seal == Some(true) && can_store == Some(false);
        for path in miner.storage_paths.rows.iter().filter(|path| is_for_sealing(path.can_seal, path.can_store)) {
            if let Some((free, size)) = path.free_bytes.zip(path.size_bytes)
                && free / size < self.limit("FarcasterSealingStorageFull", Critical, "")
            {
                let (share, free) = (words::share(free / size), words::bytes(free));
                let text = format!("{share} of the sealing path {} is free ({free})", path.name());
                let subjects = vec![path.storage_id.clone()];
                self.add_about(subjects, Critical, "FarcasterSealingStorageFull", Some(miner), text);
            }
        }
    }

    fn files(&mut self, miner: &Miner) {
        if let Some(missing) = miner.sectors.missing_sectors.filter(|missing| *missing > 0.0) {
            let (sectors, have) = (words::of(missing, "live sector"), if missing == 1.0 { "has" } else { "have" });
            let text = format!("{sectors} {have} no sealed file in any storage path");
            self.add(Warning, "FarcasterSectorFilesMissing", Some(miner), text);
        }
    }

    /// To know when space will be used up takes history; to know that sealing continues with almost none left does not.
    fn store(&mut self, miner: &Miner) {
        let Some(store) = store(&miner.storage_paths).filter(|store| store.size_bytes > 0.0) else { return };
        let share = store.free_bytes / store.size_bytes;
        let (percent, free) = (words::share(share), words::bytes(store.free_bytes));
        let text = format!("{percent} of the space for finished sectors is free ({free})");
        let is_sealing = miner.sectors_in(|state| state.phase == "sealing") > 0.0;
        if is_sealing && share < self.limit("FarcasterStorageFull", Critical, "used_up") {
            self.add(Critical, "FarcasterStorageFull", Some(miner), format!("{text}, and it is still sealing"));
        } else if share < self.limit("FarcasterStorageFull", Warning, "") {
            self.note(miner, format!("{text}: an alert fires when it will be used up soon"));
        } else if store.is_complete {
            self.fine(Some(miner), text);
        }
    }
}
