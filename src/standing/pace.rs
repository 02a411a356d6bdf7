//! How fast wallets are emptied, as far as several runs have seen it: by the falls of their balances, so that what came in hides none, as
//! `wallet:farcaster_lasts_days:ratio` has it.

use std::collections::BTreeMap;

use super::facts::Standing;

/// A shorter time shows no rate: the alerts wait as long.
const LEAST_SECONDS: f64 = 3.0 * 3600.0;

const SECONDS_PER_DAY: f64 = 86_400.0;

/// What was seen of every wallet.
#[derive(Default)]
pub struct Pace {
    wallets: BTreeMap<String, Seen>,
}

struct Seen {
    since_seconds: f64,
    last_fil: f64,
    spent_fil: f64,
}

impl Pace {
    /// Adds what a run saw, and records in it how long wallets last.
    pub fn add(&mut self, standing: &mut Standing) {
        let now = standing.timestamp_seconds;
        for wallet in &mut standing.wallets.rows {
            let balance = wallet.balance_fil;
            let seen = self.wallets.entry(wallet.address.clone()).or_insert(Seen {
                since_seconds: now,
                last_fil: balance,
                spent_fil: 0.0,
            });
            seen.spent_fil += (seen.last_fil - balance).max(0.0);
            seen.last_fil = balance;
            let watched = now - seen.since_seconds;
            let is_known = watched >= LEAST_SECONDS && seen.spent_fil > 0.0;
            wallet.lasts_days = is_known.then(|| balance / seen.spent_fil * watched / SECONDS_PER_DAY);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expose::Facts;

    /// How long the wallet lasts after these balances, each at its hour.
    fn lasts(balances: &[(f64, f64)]) -> Option<f64> {
        let mut pace = Pace::default();
        let mut lasts = None;
        for (hour, balance) in balances {
            let text = format!(
                "farcaster_wallet_balance_fil{{address=\"f1a\",id_address=\"\",name=\"\"}} {balance}\nfarcaster_run_timestamp_seconds {}\n",
                1_795_000_000.0 + hour * 3600.0
            );
            let mut standing = Standing::read(&Facts::read(&text), &[]);
            pace.add(&mut standing);
            lasts = standing.wallets.rows[0].lasts_days;
        }
        lasts
    }

    #[test]
    fn a_spending_rate_takes_three_hours_and_a_refill_hides_nothing() {
        assert_eq!(lasts(&[(0.0, 10.0), (2.9, 4.0)]), None);
        assert_eq!(lasts(&[(0.0, 10.0), (3.0, 4.0)]), Some(4.0 / 48.0));
        assert_eq!(lasts(&[(0.0, 10.0), (1.0, 4.0), (2.0, 14.0), (3.0, 14.0)]), Some(14.0 / 48.0));
        assert_eq!(lasts(&[(0.0, 10.0), (9.0, 10.0)]), None);
    }
}
