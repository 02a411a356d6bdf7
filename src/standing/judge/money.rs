//! Money: of a miner, in its wallets, in messages on their way, and in deals.

use std::collections::BTreeMap;

use super::Judge;
use super::SECONDS_PER_DAY;
use super::Severity::{Critical, Warning};
use crate::standing::miner::Miner;
use crate::standing::money::{Deals, Message, Money};
use crate::words;

/// States in which a sector's pledge is still to be paid: those of FarcasterPledgeShort.
pub(super) const UNPLEDGED: [&str; 15] = [
    "Packing",
    "GetTicket",
    "PreCommit1",
    "PreCommit2",
    "PreCommitting",
    "PreCommitWait",
    "SubmitPreCommitBatch",
    "PreCommitBatchWait",
    "WaitSeed",
    "Committing",
    "CommitFinalize",
    "SubmitCommit",
    "CommitWait",
    "SubmitCommitAggregate",
    "CommitAggregateWait",
];

impl Judge<'_> {
    pub(super) fn money(&mut self, miner: &Miner) {
        let money = &miner.money;
        if let Some(debt) = money.fee_debt_fil.filter(|debt| *debt > 0.0) {
            let text = format!("owes {} and wins no blocks until that is paid", words::fil(debt));
            self.add(Critical, "FarcasterFeeDebt", Some(miner), text);
        }
        self.wallets(miner, money);
        if let Some(days) = money.daily_fee_runway_days
            && let Some(severity) = self.below("FarcasterDailyFeeRunway", days)
        {
            let lasts = words::span(days * SECONDS_PER_DAY);
            self.add(severity, "FarcasterDailyFeeRunway", Some(miner), format!("can pay its daily fee for {lasts}"));
        }
        let waiting = miner.sectors_in(|state| UNPLEDGED.contains(&state.state.as_str()));
        let wallets = money.worker_and_control_fil.filter(|_| self.standing.wallets.is_complete);
        let has = [money.available_fil, money.precommit_deposits_fil, wallets].into_iter().sum::<Option<f64>>();
        if let Some((has, pledge)) = has.zip(self.standing.chain.sector_pledge_fil)
            && waiting * pledge > has
        {
            let (sectors, needs, has) = (words::of(waiting, "sector"), words::fil(waiting * pledge), words::fil(has));
            let need = if waiting == 1.0 { "needs" } else { "need" };
            let text = format!("{sectors} in the pipeline {need} a pledge of {needs}, and the miner has {has}");
            self.add(Warning, "FarcasterPledgeShort", Some(miner), text);
        }
    }

    /// Whether a wallet is in use takes history, but one of them has to be.
    fn wallets(&mut self, miner: &Miner, money: &Money) {
        let least = self.limit("FarcasterWalletLow", Critical, "");
        let text = |together| format!("worker and control wallets hold {} together", words::fil(together));
        match money.worker_and_control_fil {
            Some(together) if together < least => {
                let text = format!("{}, too little to pay for messages", text(together));
                return self.add(Critical, "FarcasterWalletLow", Some(miner), text);
            }
            Some(together) => self.fine(Some(miner), text(together)),
            None => {}
        }
        for wallet in &money.paying_wallets {
            if let Some(balance) = wallet.balance_fil.filter(|balance| *balance < least) {
                let (address, role, balance) = (&wallet.address, &wallet.role, words::fil(balance));
                self.note(miner, format!("the {role} wallet {address} holds {balance}, too little if it is in use"));
            }
        }
    }

    pub(super) fn deals(&mut self, miner: &Miner, deals: &Deals) {
        let late = deals.publish_timestamp_seconds.map(|publish| self.age(publish));
        if let Some(late) = late.filter(|_| deals.publish_queue_deals.is_some_and(|deals| deals > 0.0))
            && let Some(severity) = self.above("FarcasterPublishOverdue", late)
        {
            let text = format!("deals should have been published {} ago", words::span(late));
            self.add(severity, "FarcasterPublishOverdue", Some(miner), text);
        }
        if let Some(stalled) = deals.stalled_transfers.filter(|stalled| *stalled > 0.0) {
            let (transfers, are) = (words::of(stalled, "transfer"), words::is(stalled));
            let text = format!("{transfers} of deals {are} making no progress");
            self.add(Warning, "FarcasterTransfersStalled", Some(miner), text);
        }
        if let Some((free, all)) = deals.staging_free_bytes.zip(deals.staging_bytes)
            && let Some(severity) = self.below("FarcasterStagingFull", free / all)
        {
            let (share, free) = (words::share(free / all), words::bytes(free));
            let text = format!("{share} of Boost's staging area is free ({free})");
            self.add(severity, "FarcasterStagingFull", Some(miner), text);
        }
        if let Some((available, tagged)) = deals.escrow_available_fil.zip(deals.escrow_tagged_fil)
            && available < self.limit("FarcasterMarketFundsShort", Warning, "") * tagged
        {
            let (available, tagged) = (words::fil(available), words::fil(tagged));
            let text = format!("{available} is available in the market escrow, and deals need {tagged}");
            self.add(Warning, "FarcasterMarketFundsShort", Some(miner), text);
        }
        if let Some((available, tagged)) = deals.publish_wallet_available_fil.zip(deals.publish_wallet_tagged_fil)
            && available < self.limit("FarcasterPublishWalletLow", Warning, "times") * tagged
        {
            let (available, tagged) = (words::fil(available), words::fil(tagged));
            let text = format!("{available} is available in the wallet that publishes deals, and they need {tagged}");
            self.add(Warning, "FarcasterPublishWalletLow", Some(miner), text);
        }
    }

    /// By sender, as the alerts are.
    pub(super) fn messages(&mut self) {
        let standing = self.standing;
        let mut by_sender: BTreeMap<&str, Vec<&Message>> = BTreeMap::new();
        for message in &standing.pending_messages.rows {
            by_sender.entry(&message.from).or_default().push(message);
        }
        for stuck in &standing.stuck_senders {
            let (messages, are) = (words::of(stuck.messages, "message"), words::is(stuck.messages));
            let text = format!("{messages} {are} stuck: {} pays less than the base fee", stuck.sender());
            let rows = by_sender.get(stuck.from.as_str()).into_iter().flatten();
            let rows = rows.filter(|message| message.is_below_base_fee == Some(true));
            let subjects = rows.map(|message| message.cid.clone()).collect();
            self.add_about(subjects, Warning, "FarcasterMessagesStuck", None, text);
        }
        for gap in &standing.missing_nonces {
            let (nonces, are) = (words::of(gap.messages, "nonce"), words::is(gap.messages));
            let text = format!("{nonces} {are} missing before waiting messages of {}", gap.sender());
            self.add(Warning, "FarcasterNonceMissing", None, text);
        }
        for failed in &standing.failed_messages {
            let is_proof = failed.method == "SubmitWindowedPoSt";
            let severity = if is_proof { Critical } else { Warning };
            let limit = self.limit("FarcasterMessageFailed", severity, "");
            let new: Vec<_> = failed.messages.iter().filter(|(_, seconds)| self.age(*seconds) < limit).collect();
            if new.is_empty() {
                continue;
            }
            let what = format!("{} message", if is_proof { "WindowPoSt" } else { &failed.method });
            let (messages, sender, code) = (words::of(new.len() as f64, &what), failed.sender(), &failed.exit_code);
            let text = format!("{messages} of {sender} failed on chain with exit code {code}");
            let subjects = new.into_iter().map(|(cid, _)| cid.clone()).collect();
            self.add_about(subjects, severity, "FarcasterMessageFailed", None, text);
        }
        for messages in by_sender.values() {
            for (severity, what) in [(Critical, "WindowPoSt message"), (Warning, "message")] {
                let limit = self.limit("FarcasterMessagesWaiting", severity, "");
                let waits = |message: &&&Message| {
                    let is_such = severity == Warning || message.method == "SubmitWindowedPoSt";
                    is_such && self.age(message.first_seen_timestamp_seconds) > limit
                };
                let waiting: Vec<&&Message> = messages.iter().filter(waits).collect();
                let Some(sender) = waiting.first().map(|message| message.sender()) else { continue };
                let number = waiting.len() as f64;
                let has = if number == 1.0 { "has" } else { "have" };
                let (messages, limit) = (words::of(number, what), words::span(limit));
                let text = format!("{messages} of {sender} {has} been waiting for more than {limit}");
                let subjects = waiting.iter().map(|message| message.cid.clone()).collect();
                self.add_about(subjects, severity, "FarcasterMessagesWaiting", None, text);
            }
        }
    }
}
