//! Which call is answered by whom: the methods of each node, and their parameters.

use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Answer, RpcError, failed, refused};
use super::farm::{Farm, Node};
use super::miner::Miner;
use super::rules::{NETWORK_NAME, sane};
use super::{
    actors, boost, chain, curio, machines, mpool, network, on_chain, proving, rules, sealing, sector, storage, vesting,
};
use crate::lotus::bitfield::BitField;

impl Farm {
    /// Number of lotus-miners in the farm.
    pub fn miner_count(&self) -> usize {
        self.miners.len() - usize::from(self.has_curio)
    }

    /// Answers one call, `method` with its `Filecoin.` prefix, as the node would at `now_seconds` (Unix time). The error
    /// is the one that Lotus would return.
    pub fn answer(&self, node: Node, method: &str, params: &[Value], now_seconds: f64) -> Answer {
        let now = sane(now_seconds);
        match node {
            Node::Daemon => self.daemon(method, params, now),
            Node::Boost => boost::answer(method, params, now),
            Node::Curio | Node::Skiff if self.has_curio => curio::answer(self, node, method, params, now),
            Node::Curio | Node::Skiff => failed("the farm has no Curio"),
            Node::Miner(index) => match self.miners.get(index).filter(|_| index < self.miner_count()) {
                Some(miner) => miner.answer(method, params, now),
                None => failed(format!("the farm has no miner {index}")),
            },
        }
    }

    fn daemon(&self, method: &str, params: &[Value], now: f64) -> Answer {
        let name = method.strip_prefix("Filecoin.").unwrap_or_default();
        Ok(match (name, params) {
            ("Version", []) => network::daemon_version(),
            ("StartTime", []) => network::daemon_start_time(),
            ("LogAlerts", []) => network::daemon_alerts(now),
            ("NetPeers", []) => network::peers(now),
            ("NetAutoNatStatus", []) => network::reachability(),
            ("NetBandwidthStats", []) => network::bandwidth(now),
            ("NetBandwidthStatsByProtocol", []) => network::bandwidth_by_protocol(now),

            ("ChainHead", []) => chain::head(self, now),
            ("ChainGetTipSetByHeight", [epoch, key]) => chain::by_height(self, integer(method, epoch)?, key, now)?,
            ("ChainGetParentMessages", [block]) => chain::parent_messages(self, block, now)?,
            ("ChainGetParentReceipts", [block]) => chain::parent_receipts(self, block, now)?,
            ("ChainReadObj", [link]) => match proving::deadlines_object(self, link, now) {
                Some(object) => object,
                None => vesting::object(self, link, now)?,
            },
            ("ChainGetTipSetFinalityStatus", []) => chain::finality_status(self, now),
            ("NodeStatus", [with_chain]) => chain::node_status(boolean(method, with_chain)?, now),
            ("StateRewardDistribution", [selector]) => chain::reward_distribution(self, selector, now)?,
            ("SyncState", []) => chain::sync_state(self, now),
            ("StateNetworkName", []) => json!(NETWORK_NAME),
            ("StateNetworkVersion", [_]) => json!(rules::NETWORK_VERSION),
            ("StateGetNetworkParams", []) => chain::network_params(now),
            ("GasEstimateGasPremium", [epochs, _, _, _]) => chain::gas_premium(natural(method, epochs)?, now),
            ("F3IsRunning", []) => json!(true),
            ("F3GetProgress", []) => chain::f3_progress(self, now),
            ("F3GetLatestCertificate", []) => chain::f3_certificate(self, now),
            ("F3ListParticipants", []) => chain::f3_participants(self, now),

            ("StateActorCodeCIDs", [version]) => actors::code_cids(integer(method, version)?)?,
            ("StateReadState", [address, _]) => actors::read_state(self, text(method, address)?, now)?,
            ("StateGetActor", [address, key]) => actors::actor(self, text(method, address)?, key, now)?,
            ("StateAccountKey", [address, _]) => actors::account_key(self, text(method, address)?)?,
            ("StateLookupID", [address, _]) => actors::lookup_id(self, text(method, address)?)?,
            ("StateMinerInfo", [address, _]) => actors::miner_info(self.miner(method, address)?),
            ("StateMinerAvailableBalance", [address, _]) => {
                actors::available_balance(self.miner(method, address)?, now)
            }
            ("StateMarketBalance", [address, _]) => actors::market_balance(self.miner(method, address)?, now),
            ("StateMinerInitialPledgeForSector", [_, size, _, _]) => {
                actors::pledge_for_sector(natural(method, size)?, now)
            }
            ("StateVerifiedClientStatus", [address, _]) => actors::datacap(self, text(method, address)?)?,
            ("WalletList", []) => actors::wallets(self),
            ("WalletBalance", [address]) => actors::wallet_balance(self, text(method, address)?, now),
            ("MpoolPending", [_]) => mpool::pending(self, now),

            ("StateMinerPower", [address, _]) => proving::power(self, self.miner(method, address)?, now),
            ("MinerGetBaseInfo", [address, epoch, tipset]) => {
                proving::base_info(self, self.miner(method, address)?, natural(method, epoch)? as i64, tipset, now)?
            }
            ("StateMinerDeadlines", [address, _]) => proving::deadlines(self.miner(method, address)?, now),
            ("StateMinerProvingDeadline", [address, _]) => proving::deadline_info(self.miner(method, address)?, now),
            ("StateMinerPartitions", [address, index, _]) => {
                proving::partitions(self.miner(method, address)?, natural(method, index)?, now)?
            }
            ("StateMinerSectors", [address, filter, _]) => {
                on_chain::sectors(self.miner(method, address)?, bitfield(method, filter)?.as_ref(), now)?
            }
            ("StateMinerSectorCount", [address, _]) => proving::sector_count(self.miner(method, address)?, now),
            ("StateMinerFaults", [address, _]) => proving::faults(self.miner(method, address)?, now),
            ("StateMinerRecoveries", [address, _]) => proving::recoveries(self.miner(method, address)?, now),
            _ => return Err(refused(DAEMON_METHODS, method, params.len())),
        })
    }

    /// The miner whose actor address a parameter gives.
    fn miner(&self, method: &str, address: &Value) -> Result<&Miner, RpcError> {
        let address = text(method, address)?;
        let found = self.miners.iter().find(|miner| miner.address() == address);
        found.ok_or_else(|| (1, format!("failed to load miner actor {address}: actor not found")))
    }
}

impl Miner {
    fn answer(&self, method: &str, params: &[Value], now: f64) -> Answer {
        let name = method.strip_prefix("Filecoin.").unwrap_or_default();
        Ok(match (name, params) {
            ("ActorAddress", []) => json!(self.address()),
            ("ActorAddressConfig", []) => actors::address_config(self),
            ("Version", []) => network::miner_version(),
            ("StartTime", []) => network::miner_start_time(self),
            ("RuntimeSubsystems", []) => json!(["Mining", "Sealing", "SectorStorage"]),
            ("LogAlerts", []) => network::miner_alerts(self, now),

            ("SectorsSummary", []) => sealing::summary(self, now),
            ("SectorsList", []) => sealing::list(self, now),
            ("SectorsListInStates", [states]) => sealing::list_in_states(self, strings(method, states)?, now),
            ("SectorsStatus", [number, on_chain]) => {
                sector::status(self, natural(method, number)?, boolean(method, on_chain)?, now)?
            }

            ("WorkerStats", []) => machines::workers(self, now),
            ("WorkerJobs", []) => machines::jobs(self, now),
            ("SealingSchedDiag", [_]) => machines::scheduler(self, now),

            ("StorageFindSector", [sector, types, _, _]) => storage::find(self, sector, natural(method, types)?, now),
            ("StorageList", []) => storage::list(self, now),
            ("StorageLocal", []) => storage::local(self),
            ("StorageInfo", [id]) => storage::info(self, text(method, id)?)?,
            ("StorageStat", [id]) => storage::stat(self, text(method, id)?, now)?,
            _ => return Err(refused(MINER_METHODS, method, params.len())),
        })
    }
}

/// The full node's methods and how many parameters each takes.
pub(super) const DAEMON_METHODS: &[(&str, usize)] = &[
    ("ChainGetParentMessages", 1),
    ("ChainGetParentReceipts", 1),
    ("ChainGetTipSetByHeight", 2),
    ("ChainGetTipSetFinalityStatus", 0),
    ("ChainHead", 0),
    ("ChainReadObj", 1),
    ("F3GetLatestCertificate", 0),
    ("F3GetProgress", 0),
    ("F3IsRunning", 0),
    ("F3ListParticipants", 0),
    ("GasEstimateGasPremium", 4),
    ("LogAlerts", 0),
    ("MinerGetBaseInfo", 3),
    ("MpoolPending", 1),
    ("NetAutoNatStatus", 0),
    ("NetBandwidthStats", 0),
    ("NetBandwidthStatsByProtocol", 0),
    ("NetPeers", 0),
    ("NodeStatus", 1),
    ("StartTime", 0),
    ("StateAccountKey", 2),
    ("StateActorCodeCIDs", 1),
    ("StateGetActor", 2),
    ("StateGetNetworkParams", 0),
    ("StateLookupID", 2),
    ("StateMarketBalance", 2),
    ("StateMinerAvailableBalance", 2),
    ("StateMinerDeadlines", 2),
    ("StateMinerFaults", 2),
    ("StateMinerInfo", 2),
    ("StateMinerInitialPledgeForSector", 4),
    ("StateMinerPartitions", 3),
    ("StateMinerPower", 2),
    ("StateMinerProvingDeadline", 2),
    ("StateMinerRecoveries", 2),
    ("StateMinerSectorCount", 2),
    ("StateMinerSectors", 3),
    ("StateNetworkName", 0),
    ("StateNetworkVersion", 1),
    ("StateReadState", 2),
    ("StateRewardDistribution", 1),
    ("StateVerifiedClientStatus", 2),
    ("SyncState", 0),
    ("Version", 0),
    ("WalletBalance", 1),
    ("WalletList", 0),
];

/// A lotus-miner's methods and how many parameters each takes.
pub(super) const MINER_METHODS: &[(&str, usize)] = &[
    ("ActorAddress", 0),
    ("ActorAddressConfig", 0),
    ("LogAlerts", 0),
    ("RuntimeSubsystems", 0),
    ("SealingSchedDiag", 1),
    ("SectorsList", 0),
    ("SectorsListInStates", 1),
    ("SectorsStatus", 2),
    ("SectorsSummary", 0),
    ("StartTime", 0),
    ("StorageFindSector", 4),
    ("StorageInfo", 1),
    ("StorageList", 0),
    ("StorageLocal", 0),
    ("StorageStat", 1),
    ("Version", 0),
    ("WorkerJobs", 0),
    ("WorkerStats", 0),
];

fn undecodable(method: &str, wanted: &str, got: &Value) -> RpcError {
    (-32700, format!("unmarshaling params for '{method}': cannot read {got} as {wanted}"))
}

fn text<'a>(method: &str, param: &'a Value) -> Result<&'a str, RpcError> {
    param.as_str().ok_or_else(|| undecodable(method, "a string", param))
}

fn integer(method: &str, param: &Value) -> Result<i64, RpcError> {
    param.as_i64().ok_or_else(|| undecodable(method, "an integer", param))
}

fn natural(method: &str, param: &Value) -> Result<u64, RpcError> {
    param.as_u64().ok_or_else(|| undecodable(method, "a natural number", param))
}

fn boolean(method: &str, param: &Value) -> Result<bool, RpcError> {
    param.as_bool().ok_or_else(|| undecodable(method, "a boolean", param))
}

/// A bitfield, or none where the parameter is null.
fn bitfield(method: &str, param: &Value) -> Result<Option<BitField>, RpcError> {
    Option::deserialize(param).map_err(|_| undecodable(method, "a bitfield", param))
}

fn strings<'a>(method: &str, param: &'a Value) -> Result<Vec<&'a str>, RpcError> {
    let strings = param.as_array().and_then(|items| items.iter().map(Value::as_str).collect());
    strings.ok_or_else(|| undecodable(method, "a list of strings", param))
}
