//! The accounts around the farm: the miners' own, and strangers that send messages and make deals.

use super::miner::Miner;
use super::noise::{between, hash, sawtooth};
use super::text::address;

/// The number of the wallet that belongs to no miner.
pub(super) const SPARE_WALLET: u64 = 3_100_999;
const FIRST_STRANGER: u64 = 2_000_000;
const STRANGERS: u64 = 64;

/// An account, multisig or contract: of the farm, or one of the strangers that send messages and make deals.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) id: u64,
    /// The address that is not the id.
    pub(super) address: String,
    pub(super) kind: &'static str,
    /// Whether the node's wallet has its key.
    pub(super) in_wallet: bool,
    /// The balance falls from the first to the second, then it is topped up.
    high_fil: f64,
    low_fil: f64,
    period_seconds: f64,
}

impl Account {
    pub(super) fn balance_atto(&self, now: f64) -> u128 {
        let spent = sawtooth(now, self.period_seconds, "balance", self.id);
        atto(self.high_fil - (self.high_fil - self.low_fil) * spent)
    }
}

/// The accounts around the farm.
pub(super) fn accounts(miners: &[Miner]) -> Vec<Account> {
    const DAY: f64 = 86_400.0;
    let own = |id: u64, protocol: u8, high_fil: f64, low_fil: f64, days: f64| Account {
        id,
        address: address(protocol, hash("account", &[id])),
        kind: "account",
        in_wallet: true,
        high_fil,
        low_fil,
        period_seconds: days * DAY,
    };
    let stranger = |index: u64| {
        let id = FIRST_STRANGER + index;
        let seed = hash("account", &[id]);
        let (address, kind) = match index % 8 {
            0 => (format!("f410f{}", &address(1, seed)[2..]), "evm"),
            1..=3 => (address(3, seed), "account"),
            _ => (address(1, seed), "account"),
        };
        let high_fil = between(1.0, 400.0, "stranger", &[id]);
        Account { id, address, kind, in_wallet: false, high_fil, low_fil: 0.7 * high_fil, period_seconds: 9.0 * DAY }
    };
    let mut accounts = vec![own(SPARE_WALLET, 1, 5.6, 5.4, 30.0)];
    for miner in miners {
        accounts.extend([
            own(miner.worker(), 3, 60.0, 30.0, 6.1),
            own(miner.control(0), 3, 25.0, 13.0, 4.9),
            own(miner.control(1), 1, 40.0, 20.0, 7.3),
        ]);
        accounts.push(match miner.is_like_first() {
            true => own(miner.owner(), 3, 910.0, 850.0, 12.0),
            false => Account { kind: "multisig", in_wallet: false, ..own(miner.owner(), 2, 420.0, 395.0, 12.0) },
        });
        if miner.beneficiary() != miner.owner() {
            accounts.push(Account { in_wallet: false, ..own(miner.beneficiary(), 1, 121.0, 118.0, 20.0) });
        }
    }
    accounts.extend((0..STRANGERS).map(stranger));
    accounts
}

/// The number of a stranger that makes deals.
pub(super) fn client(hash: u64) -> u64 {
    FIRST_STRANGER + hash % STRANGERS
}

/// FIL as attoFIL, exact to a nanoFIL.
pub(super) fn atto(fil: f64) -> u128 {
    (fil * 1e9) as u128 * 1_000_000_000
}

/// The number in an id address.
pub(super) fn id_of(address: &str) -> Option<u64> {
    address.strip_prefix("f0")?.parse().ok()
}
