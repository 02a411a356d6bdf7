//! Expected wins in the settled epochs, from the power that their elections used: not that of the time, but that of 900 epochs before.
//! MinerGetBaseInfo returns it, and whether the miner may be elected at all, by the rules of the network that this is.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Head, Ledger, Totals, Walk};
use crate::lotus::election::PowerShare;
use crate::rpc::{Answers, Batch, CallError, Cause, Ticket};
use crate::tolerant::{Int, Problems};

/// The answer of MinerGetBaseInfo: null for a miner that had no power.
type Election = Option<BaseInfo>;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BaseInfo {
    miner_power: Int,
    network_power: Int,
    eligible_for_mining: bool,
}

impl BaseInfo {
    /// The part that the miner has in the election; None where the numbers cannot be.
    fn share(&self) -> Option<PowerShare> {
        let share = PowerShare::new(self.miner_power.0, self.network_power.0)?;
        Some(if self.eligible_for_mining { share } else { PowerShare::NONE })
    }
}

impl Walk<'_> {
    /// Weighs the epochs just settled with each miner's share of the power in the last of their elections. Where the node has that state no
    /// more, the head's election is the nearest that it can report.
    pub(super) fn weigh(&self, head: &Head, ledger: &mut Ledger, problems: &mut Problems) {
        let is_to_be_weighed = |id: &&&str| ledger.miners.get(**id).is_some_and(Totals::is_to_be_weighed);
        let to_weigh: Vec<&str> = self.miner_ids.iter().filter(is_to_be_weighed).copied().collect();
        let Some((height, key)) = ledger.tipset().filter(|_| !to_weigh.is_empty()) else {
            return;
        };
        let (answers, tickets) = self.elections(&to_weigh, height, &json!(key));
        if let Err(error) = answers.reached() {
            problems.error(error);
            return;
        }
        let mut without_state = Vec::new();
        for (id, ticket) in to_weigh.into_iter().zip(tickets) {
            match answers.get(ticket) {
                Err(error) if matches!(error.cause, Cause::Refused { .. }) => without_state.push(id),
                answer => self.weigh_one(id, answer, ledger, problems),
            }
        }
        if !without_state.is_empty() && !ledger.is_state_missing {
            problems.remark(format_args!(
                "{}: has no state from before epoch {height}, so the power then is not known: expected wins are computed with the power at its head",
                self.client.name(),
            ));
        }
        ledger.is_state_missing = !without_state.is_empty();
        if !without_state.is_empty() {
            let (answers, tickets) = self.elections(&without_state, head.height(), &self.daemon.tipset_key);
            for (id, ticket) in without_state.into_iter().zip(tickets) {
                self.weigh_one(id, answers.get(ticket), ledger, problems);
            }
        }
    }

    /// Asks for the miners' part in the election of a tipset's own epoch; for a later one the node would wait for a beacon that is not drawn yet.
    fn elections(&self, miner_ids: &[&str], height: i64, key: &Value) -> (Answers, Vec<Ticket<Election>>) {
        let mut batch = Batch::new();
        let tickets = miner_ids.iter().map(|id| batch.add("MinerGetBaseInfo", json!([id, height, key]))).collect();
        (self.client.send(&batch), tickets)
    }

    fn weigh_one(
        &self,
        miner_id: &str,
        answer: Result<Election, CallError>,
        ledger: &mut Ledger,
        problems: &mut Problems,
    ) {
        let Some(election) = problems.if_supported(answer) else {
            return;
        };
        let share = match &election {
            None => PowerShare::NONE,
            Some(info) => match info.share() {
                Some(share) => share,
                None => {
                    problems.note(format_args!(
                        "MinerGetBaseInfo({miner_id}): a power of {} in a network of {} is impossible",
                        info.miner_power.0, info.network_power.0
                    ));
                    return;
                }
            },
        };
        let Some(totals) = ledger.miners.get_mut(miner_id) else {
            return;
        };
        let before = totals.share();
        if let (false, Some(before)) = (totals.weigh(share), before) {
            problems.remark(format_args!(
                "{miner_id}: MinerGetBaseInfo returns {:.7} % of the network's power after {:.7} %: accepted if the next answer confirms it",
                100.0 * share.ratio(),
                100.0 * before
            ));
        }
    }
}
