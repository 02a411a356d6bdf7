//! Who the miner is: its addresses and their roles, its sector size, the lotus-miner that runs it.

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use super::connect::Daemon;
use crate::address_book::AddressBook;
use crate::expose::{Samples, families};
use crate::lotus::address;
use crate::lotus::epoch::{ChainClock, MAX_HEIGHT};
use crate::rpc::{Batch, Cause};
use crate::tolerant::{Field, Int, List, Problems};

/// What StateMinerInfo and StateAccountKey return.
pub struct Facts {
    pub addresses: Vec<RoleAddress>,
    peer_id: String,
    pub sector_size_bytes: Option<u64>,
    worker: String,
    owner: String,
    beneficiary: String,
    pending: Pending,
}

/// Changes of the miner that are proposed or under way, and a consensus fault that keeps it from winning blocks.
#[derive(Default)]
struct Pending {
    /// What changes (`worker`, `owner`, `beneficiary`), and to which address.
    changes: Vec<(&'static str, String)>,
    /// From when on a new worker key can be confirmed, Unix seconds.
    worker_change_seconds: Option<f64>,
    /// Until when the miner wins no blocks, or won none: that stays in its state. Unix seconds.
    fault_end_seconds: Option<f64>,
}

/// An address of the miner.
#[derive(Clone, Debug, PartialEq)]
pub struct RoleAddress {
    /// `owner`, `worker`, `control0`…, `beneficiary`.
    pub role: String,
    /// The id, like `f0101`; empty where it could not be looked up.
    pub id_address: String,
    /// The key address, like `f3…`; the id if there is no key, as for a multisig.
    pub address: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct MinerInfo {
    owner: Field<String>,
    worker: Field<String>,
    control_addresses: Field<List<String>>,
    beneficiary: Field<String>,
    peer_id: Field<String>,
    sector_size: Field<Int>,
    new_worker: Field<String>,
    worker_change_epoch: Field<Int>,
    pending_owner_address: Field<String>,
    pending_beneficiary_term: Field<PendingBeneficiary>,
    consensus_fault_elapsed: Field<Int>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct PendingBeneficiary {
    new_beneficiary: Field<String>,
}

pub fn fetch(daemon: &Daemon, miner_id: &str, problems: &mut Problems) -> Result<Facts> {
    let info: MinerInfo = daemon.client.call("StateMinerInfo", json!([miner_id, daemon.tipset_key]))?;
    let control = info.control_addresses;
    let control = control.take("StateMinerInfo.ControlAddresses", problems);
    let control = control.unwrap_or_default();
    let control = control.take("StateMinerInfo.ControlAddresses", problems);
    let owner = info.owner.take("StateMinerInfo.Owner", problems);
    let worker = info.worker.take("StateMinerInfo.Worker", problems);
    let beneficiary = info.beneficiary.take("StateMinerInfo.Beneficiary", problems);

    let mut roles: Vec<(String, String)> = Vec::new();
    roles.extend(owner.clone().map(|owner| ("owner".to_owned(), owner)));
    roles.extend(worker.clone().map(|worker| ("worker".to_owned(), worker)));
    let control = control.into_iter().enumerate();
    roles.extend(control.map(|(index, address)| (format!("control{index}"), address)));
    roles.extend(beneficiary.clone().map(|address| ("beneficiary".to_owned(), address)));
    roles.retain(|(_, address)| address::is_address(address));

    let sector_size = info.sector_size.take("StateMinerInfo.SectorSize", problems);
    let pending_beneficiary = info.pending_beneficiary_term.take("StateMinerInfo.PendingBeneficiaryTerm", problems);
    let changes = [
        ("worker", info.new_worker.take("StateMinerInfo.NewWorker", problems)),
        ("owner", info.pending_owner_address.take("StateMinerInfo.PendingOwnerAddress", problems)),
        (
            "beneficiary",
            pending_beneficiary.and_then(|term| {
                term.new_beneficiary.take("StateMinerInfo.PendingBeneficiaryTerm.NewBeneficiary", problems)
            }),
        ),
    ];
    // Where there is none, Lotus writes null, or "<empty>".
    let changes: Vec<(&str, String)> = changes
        .into_iter()
        .filter_map(|(what, address)| Some((what, address.filter(|address| address::is_address(address))?)))
        .collect();
    let mut moment = |epoch: Field<Int>, name: &str| {
        let epoch = epoch.take(&format!("StateMinerInfo.{name}"), problems)?.to_u64()?;
        Some((i64::try_from(epoch).ok().filter(|epoch| *epoch <= MAX_HEIGHT)?, daemon.clock?))
    };
    let worker_change = moment(info.worker_change_epoch, "WorkerChangeEpoch");
    let fault_end = moment(info.consensus_fault_elapsed, "ConsensusFaultElapsed");
    let is_worker_pending = changes.iter().any(|(what, _)| *what == "worker");
    let at = |(epoch, clock): (i64, ChainClock)| clock.timestamp_seconds(epoch);
    let pending = Pending {
        worker_change_seconds: worker_change.filter(|_| is_worker_pending).map(at),
        fault_end_seconds: fault_end.map(at),
        changes,
    };
    Ok(Facts {
        pending,
        addresses: resolve(daemon, roles, problems),
        peer_id: info.peer_id.take("StateMinerInfo.PeerId", problems).unwrap_or_default(),
        sector_size_bytes: sector_size.and_then(|size| size.natural("StateMinerInfo.SectorSize", problems)),
        owner: owner.unwrap_or_default(),
        worker: worker.unwrap_or_default(),
        beneficiary: beneficiary.unwrap_or_default(),
    })
}

/// Finds the id and the key of each address.
fn resolve(daemon: &Daemon, roles: Vec<(String, String)>, problems: &mut Problems) -> Vec<RoleAddress> {
    let mut batch = Batch::new();
    let tickets: Vec<_> = roles
        .iter()
        .map(|(_, address)| {
            let method = match address::actor_id(address) {
                Some(_) => "StateAccountKey",
                None => "StateLookupID",
            };
            let ticket = batch.add::<String>(method, json!([address, daemon.tipset_key]));
            batch.expect(ticket, Cause::is_refusal)
        })
        .collect();
    let answers = daemon.client.send(&batch);
    let resolved = roles.into_iter().zip(tickets).map(|((role, known), ticket)| {
        let other = match answers.get(ticket) {
            Ok(other) => Some(other),
            // A multisig or a contract has no key, and the node answers with that error.
            Err(error) if error.cause.is_refusal() => None,
            Err(error) => problems.if_supported(Err(error)),
        };
        let is_id = address::actor_id(&known).is_some();
        let (id_address, address) = match (is_id, other) {
            (true, Some(key)) => (known, key),
            (true, None) => (known.clone(), known),
            (false, Some(id)) => (id, known),
            (false, None) => (String::new(), known),
        };
        RoleAddress { role, id_address, address }
    });
    resolved.collect()
}

/// How an address of a miner is called: as the operator does, else by its role.
pub fn name_of(book: &AddressBook, miner_id: &str, address: &RoleAddress) -> String {
    let given = book.name(&[&address.address, &address.id_address]);
    given.map_or_else(|| format!("{miner_id} {}", address.role), str::to_owned)
}

pub fn expose(facts: &Facts, miner_id: &str, version: Option<&str>, book: &AddressBook, samples: &mut Samples) {
    samples.add(
        &families::MINER_INFO,
        [miner_id, version.unwrap_or_default(), &facts.owner, &facts.worker, &facts.beneficiary, &facts.peer_id],
        true,
    );
    samples.add(&families::MINER_SECTOR_SIZE_BYTES, [miner_id], facts.sector_size_bytes);
    for address in &facts.addresses {
        samples.add(
            &families::MINER_ADDRESS_INFO,
            [miner_id, &address.role, &address.id_address, &address.address, &name_of(book, miner_id, address)],
            true,
        );
    }
    for (change, address) in &facts.pending.changes {
        let name = book.name(&[address]).unwrap_or_default();
        samples.add(&families::MINER_PENDING_CHANGE_INFO, [miner_id, change, address, name], true);
    }
    let worker_change = facts.pending.worker_change_seconds;
    samples.add(&families::MINER_WORKER_CHANGE_TIMESTAMP_SECONDS, [miner_id], worker_change);
    let fault_end = facts.pending.fault_end_seconds;
    samples.add(&families::MINER_CONSENSUS_FAULT_END_TIMESTAMP_SECONDS, [miner_id], fault_end);
}
