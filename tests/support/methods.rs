//! Which methods the nodes have, what permission each takes, and how many parameters.

/// What a token allows; each includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    Read,
    Write,
    Sign,
    Admin,
}

use Permission::{Admin, Read, Sign, Write};

impl Permission {
    pub fn as_str(self) -> &'static str {
        match self {
            Read => "read",
            Write => "write",
            Sign => "sign",
            Admin => "admin",
        }
    }
}

/// The token of the fake nodes that has a permission. As in a JWT of Lotus, its middle is `{"Allow":[…]}` in base64.
pub fn token(permission: Permission) -> String {
    let allow = match permission {
        Read => "eyJBbGxvdyI6WyJyZWFkIl19",
        Write => "eyJBbGxvdyI6WyJyZWFkIiwid3JpdGUiXX0",
        Sign => "eyJBbGxvdyI6WyJyZWFkIiwid3JpdGUiLCJzaWduIl19",
        Admin => "eyJBbGxvdyI6WyJyZWFkIiwid3JpdGUiLCJzaWduIiwiYWRtaW4iXX0",
    };
    format!("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.{allow}.of-the-fake-farm-{}", permission.as_str())
}

/// What a token allows; None if it is not one of the node's.
pub fn permission_of(presented: &str) -> Option<Permission> {
    [Read, Write, Sign, Admin].into_iter().find(|permission| token(*permission) == presented)
}

/// A method by its name without `Filecoin.`.
pub struct Method {
    pub name: &'static str,
    pub permission: Permission,
    pub params: usize,
}

/// Finds a method among those that the node has at this path.
pub fn find(is_daemon: bool, path: &str, name: &str) -> Option<Method> {
    let table = match (is_daemon, path) {
        (true, "/rpc/v2") => DAEMON_V2,
        (true, _) => DAEMON,
        (false, _) => MINER,
    };
    let found = table.iter().find(|(known, ..)| *known == name)?;
    let is_new = name.starts_with("F3") || name == "NodeStatus";
    (path != "/rpc/v0" || !is_new).then_some(Method { name: found.0, permission: found.1, params: found.2 })
}

/// The paths that a node serves.
pub fn paths(is_daemon: bool) -> &'static [&'static str] {
    if is_daemon { &["/rpc/v0", "/rpc/v1", "/rpc/v2"] } else { &["/rpc/v0"] }
}

/// Every method of a kind of node that the farm answers.
pub fn names(is_daemon: bool) -> Vec<&'static str> {
    let tables: &[&[Row]] = if is_daemon { &[DAEMON, DAEMON_V2] } else { &[MINER] };
    tables.concat().iter().map(|(name, ..)| *name).collect()
}

type Row = (&'static str, Permission, usize);

const DAEMON: &[Row] = &[
    ("ChainGetParentMessages", Read, 1),
    ("ChainGetParentReceipts", Read, 1),
    ("ChainGetTipSetByHeight", Read, 2),
    ("ChainHead", Read, 0),
    ("ChainReadObj", Read, 1),
    ("F3GetLatestCertificate", Read, 0),
    ("F3GetProgress", Read, 0),
    ("F3IsRunning", Read, 0),
    ("F3ListParticipants", Read, 0),
    ("GasEstimateGasPremium", Read, 4),
    ("LogAlerts", Admin, 0),
    ("MinerGetBaseInfo", Read, 3),
    ("MpoolPending", Read, 1),
    ("NetAutoNatStatus", Read, 0),
    ("NetBandwidthStats", Read, 0),
    ("NetBandwidthStatsByProtocol", Read, 0),
    ("NetPeers", Read, 0),
    ("NodeStatus", Read, 1),
    ("StartTime", Read, 0),
    ("StateAccountKey", Read, 2),
    ("StateActorCodeCIDs", Read, 1),
    ("StateGetActor", Read, 2),
    ("StateGetNetworkParams", Read, 0),
    ("StateLookupID", Read, 2),
    ("StateMarketBalance", Read, 2),
    ("StateMinerAvailableBalance", Read, 2),
    ("StateMinerDeadlines", Read, 2),
    ("StateMinerInfo", Read, 2),
    ("StateMinerPartitions", Read, 3),
    ("StateMinerInitialPledgeForSector", Read, 4),
    ("StateMinerPower", Read, 2),
    ("StateMinerProvingDeadline", Read, 2),
    ("StateMinerSectors", Read, 3),
    ("StateNetworkName", Read, 0),
    ("StateNetworkVersion", Read, 1),
    ("StateReadState", Read, 2),
    ("StateVerifiedClientStatus", Read, 2),
    ("SyncState", Read, 0),
    ("Version", Read, 0),
    ("WalletBalance", Read, 1),
    ("WalletList", Write, 0),
];

const DAEMON_V2: &[Row] = &[("ChainGetTipSetFinalityStatus", Read, 0), ("StateRewardDistribution", Read, 1)];

const MINER: &[Row] = &[
    ("ActorAddress", Read, 0),
    ("LogAlerts", Admin, 0),
    ("RuntimeSubsystems", Read, 0),
    ("SealingSchedDiag", Admin, 1),
    ("SectorsListInStates", Read, 1),
    ("SectorsStatus", Read, 2),
    ("SectorsSummary", Read, 0),
    ("StartTime", Read, 0),
    ("StorageFindSector", Admin, 4),
    ("StorageInfo", Admin, 1),
    ("StorageList", Admin, 0),
    ("StorageLocal", Admin, 0),
    ("StorageStat", Admin, 1),
    ("Version", Read, 0),
    ("WorkerJobs", Admin, 0),
    ("WorkerStats", Admin, 0),
];
