//! The simulated farm: a full node, two lotus-miners and a Boost that answer JSON-RPC calls inside the process, as Lotus v1.38
//! does on network version 29. Every answer is a pure function of the number of sectors and the time: there is no state,
//! no I/O and no chance, so the same question at the same time always gets the same answer, and answers to different
//! questions at one time agree with each other.
//!
//! Sealing runs about ten times as fast as in life, so that charts move: see `sealing.rs`.

mod actors;
mod boost;
mod chain;
mod machines;
mod mpool;
mod network;
mod noise;
mod on_chain;
mod proving;
mod sealing;
mod sector;
mod storage;
#[cfg(test)]
mod tests;
mod text;
mod transport;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::lotus::bitfield::BitField;
use actors::Account;
pub use sealing::SealedSector;
pub use transport::{Clock, answer, nodes};

/// The code and message of a JSON-RPC error, as a real node answers it.
pub type RpcError = (i64, String);

/// What a call is answered with.
pub type Answer = Result<Value, RpcError>;

/// Name of the simulated network, as `StateNetworkName` tells it.
pub const NETWORK_NAME: &str = "demo";

/// A process of the farm that answers calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// The full node.
    Daemon,
    /// A lotus-miner, counted from 0: see [`Farm::miner_count`].
    Miner(usize),
    /// The JSON-RPC API of the first miner's Boost; its GraphQL is [`Farm::graphql`].
    Boost,
}

/// The simulated farm. Cheap to make and to share.
#[derive(Clone, Debug)]
pub struct Farm {
    miners: [Miner; 2],
    accounts: Vec<Account>,
    /// Quality-adjusted power of all other miners of the network, bytes.
    other_power_bytes: u128,
}

/// What does not change about one miner.
#[derive(Clone, Debug)]
struct Miner {
    index: usize,
    /// The actor's number: 1234 of f01234.
    id: u64,
    /// Sectors that have been there for long and are extended for ever; their numbers are 0 to `stock`.
    stock: u64,
    /// About how many more are live at any time: each was sealed lately and expires soon.
    turnover: u64,
    /// Seconds from one new sector to the next.
    interval_seconds: f64,
    /// The miner's part of the network's power, which is its chance of a block; 0 under the minimum power.
    expected_share: f64,
}

impl Farm {
    /// A farm with about `sectors` live sectors (a few more or less as time goes; at most ten million), three quarters of
    /// them at miner 0.
    pub fn new(sectors: u64) -> Farm {
        let sectors = sectors.min(10_000_000);
        let mut miners = [Miner::new(0, 3_100_100, sectors - sectors / 4), Miner::new(1, 3_100_200, sectors / 4)];
        let other_power_bytes = proving::share_network(&mut miners);
        let accounts = actors::accounts(&miners);
        Farm { miners, accounts, other_power_bytes }
    }

    /// Number of lotus-miners in the farm.
    pub fn miner_count(&self) -> usize {
        self.miners.len()
    }

    /// Answers one call, `method` with its `Filecoin.` prefix, as the node would at `now_seconds` (Unix time). The error
    /// is what Lotus would refuse the call with.
    pub fn answer(&self, node: Node, method: &str, params: &[Value], now_seconds: f64) -> Answer {
        let now = sane(now_seconds);
        match node {
            Node::Daemon => self.daemon(method, params, now),
            Node::Boost => boost::answer(method, params, now),
            Node::Miner(index) => match self.miners.get(index) {
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
            ("ChainGetTipSetByHeight", [epoch, _]) => chain::by_height(self, integer(method, epoch)?, now)?,
            ("ChainGetTipSetFinalityStatus", []) => chain::finality_status(self, now),
            ("NodeStatus", [with_chain]) => chain::node_status(boolean(method, with_chain)?, now),
            ("StateRewardDistribution", [selector]) => chain::reward_distribution(self, selector, now)?,
            ("SyncState", []) => chain::sync_state(self, now),
            ("StateNetworkName", []) => json!(NETWORK_NAME),
            ("StateNetworkVersion", [_]) => json!(chain::NETWORK_VERSION),
            ("StateGetNetworkParams", []) => chain::network_params(),
            ("GasEstimateGasPremium", [epochs, _, _, _]) => chain::gas_premium(natural(method, epochs)?, now),
            ("F3IsRunning", []) => json!(true),
            ("F3GetProgress", []) => chain::f3_progress(self, now),
            ("F3GetLatestCertificate", []) => chain::f3_certificate(self, now),
            ("F3ListParticipants", []) => chain::f3_participants(self, now),

            ("StateActorCodeCIDs", [version]) => actors::code_cids(integer(method, version)?)?,
            ("StateReadState", [address, _]) => actors::read_state(self, text(method, address)?, now)?,
            ("StateGetActor", [address, _]) => actors::actor(self, text(method, address)?, now)?,
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
            ("MinerGetBaseInfo", [address, _, tipset]) => {
                proving::base_info(self, self.miner(method, address)?, tipset, now)?
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

/// The farm has existed since a day after the genesis; the bounds keep the arithmetic with times sane.
fn sane(now_seconds: f64) -> f64 {
    now_seconds.clamp(chain::GENESIS_SECONDS + 86_400.0, 5.0 * chain::GENESIS_SECONDS)
}

impl Miner {
    fn new(index: usize, id: u64, sectors: u64) -> Miner {
        let turnover = (sectors / 10).clamp(1, 240);
        let in_pipeline = 10 + 2 * sectors.max(1).ilog10();
        Miner {
            index,
            id,
            stock: sectors.saturating_sub(turnover),
            turnover,
            interval_seconds: sealing::TYPICAL_SECONDS / f64::from(in_pipeline),
            expected_share: 0.0,
        }
    }

    fn address(&self) -> String {
        format!("f0{}", self.id)
    }

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

            ("StorageList", []) => storage::list(self, now),
            ("StorageLocal", []) => storage::local(self),
            ("StorageInfo", [id]) => storage::info(self, text(method, id)?)?,
            ("StorageStat", [id]) => storage::stat(self, text(method, id)?, now)?,
            _ => return Err(refused(MINER_METHODS, method, params.len())),
        })
    }
}

/// The full node's methods and how many parameters each takes.
const DAEMON_METHODS: &[(&str, usize)] = &[
    ("ChainGetTipSetByHeight", 2),
    ("ChainGetTipSetFinalityStatus", 0),
    ("ChainHead", 0),
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
const MINER_METHODS: &[(&str, usize)] = &[
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
    ("StorageInfo", 1),
    ("StorageList", 0),
    ("StorageLocal", 0),
    ("StorageStat", 1),
    ("Version", 0),
    ("WorkerJobs", 0),
    ("WorkerStats", 0),
];

/// Why a node has no such call: go-jsonrpc's codes and words.
fn refused(methods: &[(&str, usize)], method: &str, given: usize) -> RpcError {
    let name = method.strip_prefix("Filecoin.").unwrap_or_default();
    match methods.iter().find(|(known, _)| *known == name) {
        Some((_, wanted)) => (-32602, format!("wrong param count (method '{method}'): {given} != {wanted}")),
        None => (-32601, format!("method '{method}' not found")),
    }
}

/// An error of the application, code 1.
fn failed(message: impl Into<String>) -> Answer {
    Err((1, message.into()))
}

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
