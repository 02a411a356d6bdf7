//! What the alerts would say of money: wallets, debts, messages, and deals.

use std::collections::BTreeMap;

use super::findings::counted;
use super::judgements::{Judge, SEVERITIES};
use crate::expose::families as of;

impl Judge<'_> {
    pub(super) fn money(&mut self) {
        for (miner, debt) in self.sums(&of::MINER_FEE_DEBT_FIL, |_| true).into_iter().filter(|(_, debt)| *debt > 0.0) {
            let what = format!("{miner} owes {debt:.6} FIL, and wins no blocks before that is paid");
            self.wrong("FarcasterFeeDebt", "critical", what);
        }
        let balances = self.facts.all(&of::WALLET_BALANCE_FIL);
        for fact in self.facts.all(&of::MINER_ADDRESS_INFO) {
            let [miner, role, _, address, _] = &fact.labels;
            let Some(balance) = balances.iter().find(|wallet| wallet.labels[0] == *address) else { continue };
            let balance = balance.value;
            let is_low = self.beyond("FarcasterWalletLow", "", |least| balance < least);
            match (is_low, role.as_str()) {
                (Some(severity), "worker") => {
                    let what = format!("{miner}: its worker wallet {address} holds {balance:.3} FIL");
                    self.wrong("FarcasterWalletLow", severity, what);
                }
                (Some(_), role) if role.starts_with("control") => {
                    self.remark(format!(
                        "{miner}: its wallet {address} ({role}) holds {balance:.3} FIL, too little if it is in use"
                    ));
                }
                (None, "worker") => self.right(format!("{miner}: its worker wallet holds {balance:.3} FIL")),
                _ => {}
            }
        }
        for (miner, fee) in self.sums(&of::MINER_DAILY_FEE_FIL, |_| true).into_iter().filter(|(_, fee)| *fee > 0.0) {
            let vesting = self.facts.get(&of::MINER_LOCKED_FIL, [&miner, "vesting"]);
            let (Some(available), Some(vesting)) = (self.facts.get(&of::MINER_AVAILABLE_FIL, [&miner]), vesting) else {
                continue;
            };
            let days = (available + vesting) / fee;
            if let Some(severity) = self.beyond("FarcasterDailyFeeRunway", "", |least| days < least) {
                let what = format!("{miner}: what is available and vests pays the daily fee for {days:.1} days");
                self.wrong("FarcasterDailyFeeRunway", severity, what);
            }
        }
        for (from, stuck) in self.sums(&of::MPOOL_LOCAL_MESSAGES_BELOW_BASE_FEE, |_| true) {
            if stuck > 0.0 {
                let messages = counted(stuck as u64, "message");
                self.wrong(
                    "FarcasterMessagesStuck",
                    "warning",
                    format_args!("{messages} of {from} below the base fee"),
                );
            }
        }
        let mut waiting: BTreeMap<(String, &'static str), u64> = BTreeMap::new();
        for fact in self.facts.all(&of::MPOOL_LOCAL_MESSAGE_FIRST_SEEN_TIMESTAMP_SECONDS) {
            let seconds = self.now - fact.value;
            let is_proof = fact.labels.iter().any(|label| label == "SubmitWindowedPoSt");
            let severity = SEVERITIES.into_iter().filter(|severity| is_proof || *severity == "warning");
            let is_beyond = |severity: &&'static str| {
                self.threshold("FarcasterMessagesWaiting", severity, "").is_some_and(|most| seconds > most)
            };
            if let Some(severity) = severity.into_iter().find(is_beyond) {
                *waiting.entry((fact.labels[1].clone(), severity)).or_default() += 1;
            }
        }
        for ((from, severity), count) in waiting {
            let what = format!("{} of {from} in the message pool for too long", counted(count, "message"));
            self.wrong("FarcasterMessagesWaiting", severity, what);
        }
    }

    pub(super) fn deals(&mut self) {
        for (miner, at) in self.sums(&of::BOOST_PUBLISH_TIMESTAMP_SECONDS, |_| true) {
            let late = self.now - at;
            let waits = self.facts.get(&of::BOOST_PUBLISH_QUEUE_DEALS, [&miner]).is_some_and(|deals| deals > 0.0);
            if waits && let Some(severity) = self.beyond("FarcasterPublishOverdue", "", |most| late > most) {
                let what = format!("{miner}: deals should have been published {:.0} min ago", late / 60.0);
                self.wrong("FarcasterPublishOverdue", severity, what);
            }
        }
        let staging = self.sums(&of::BOOST_STAGING_BYTES, |_| true);
        for (miner, all) in staging.into_iter().filter(|(_, all)| *all > 0.0) {
            let Some(free) = self.facts.get(&of::BOOST_STAGING_BYTES, [&miner, "free"]) else { continue };
            if let Some(severity) = self.beyond("FarcasterStagingFull", "", |least| free / all < least) {
                let what = format!("{miner}: {:.1} % of Boost's staging area is free", 100.0 * free / all);
                self.wrong("FarcasterStagingFull", severity, what);
            }
        }
        let miners = self.sums(&of::BOOST_FUNDS_FIL, |_| true).into_keys();
        for miner in miners.collect::<Vec<_>>() {
            for (alert, account, of, called) in [
                ("FarcasterMarketFundsShort", "escrow", "", "the storage market's escrow"),
                ("FarcasterPublishWalletLow", "publish", "times", "the wallet that publishes deals"),
            ] {
                let get = |state| self.facts.get(&of::BOOST_FUNDS_FIL, [miner.as_str(), account, state]);
                let (Some(available), Some(tagged)) = (get("available"), get("tagged")) else { continue };
                if let Some(severity) = self.beyond(alert, of, |times| available < times * tagged) {
                    self.wrong(
                        alert,
                        severity,
                        format_args!(
                            "{miner}: {available:.3} FIL are available in {called}, and deals need {tagged:.3}"
                        ),
                    );
                }
            }
        }
        for (miner, stalled) in self.sums(&of::BOOST_TRANSFERS_STALLED, |_| true) {
            if stalled > 0.0 {
                let transfers = counted(stalled as u64, "transfer");
                self.wrong(
                    "FarcasterTransfersStalled",
                    "warning",
                    format_args!("{miner}: {transfers} without progress"),
                );
            }
        }
    }
}
