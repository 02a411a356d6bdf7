//! What comes free by calendar month, and what a win will bring.

use serde_json::json;

use crate::expected::Expected;
use crate::implied::vesting_tail;
use crate::recording::Recording;
use crate::values::{fil_of, items, number, seconds, whole};

/// Of a miner: its vesting funds and the pledge of its sectors.
pub fn expect(recording: &Recording, miner_id: &str, expected: &mut Expected) {
    let state = &recording.chain("StateReadState", json!([miner_id, "@head"]))["State"];
    let head = &state["VestingFunds"]["Head"];
    let mut vesting = vec![(whole(&head["Epoch"]), whole(&head["Amount"]))];
    vesting.extend(vesting_tail(state));
    assert_eq!(vesting.iter().map(|(_, amount)| amount).sum::<i128>(), whole(&state["LockedFunds"]));
    let sectors = recording.all("daemon", "StateMinerSectors").filter(|(params, _)| params[0] == miner_id);
    let sectors = sectors.flat_map(|(_, sectors)| items(sectors));
    let pledge = sectors.map(|sector| (whole(&sector["Expiration"]), whole(&sector["InitialPledge"]))).collect();
    for (kind, funds) in [("vesting", vesting), ("initial_pledge", pledge)] {
        for (month, atto) in by_month(recording, &funds) {
            let labels = [("miner_id", miner_id), ("kind", kind), ("month", &*month)];
            expected.add("farcaster_miner_release_fil", &labels, fil_of(atto));
        }
    }
}

/// The month of the head, the eleven after it, and what is later.
fn by_month(recording: &Recording, funds: &[(i128, i128)]) -> Vec<(String, i128)> {
    let params = recording.chain("StateGetNetworkParams", json!([]));
    let moment = |epoch: i128| number(&params["GenesisTimestamp"]) + epoch as f64 * number(&params["BlockDelaySecs"]);
    let name = |month: i32| format!("{}-{:02}", month / 12, month % 12 + 1);
    let begins = |month: i32| seconds(&format!("{}-01T00:00:00Z", name(month)).into());
    let now = moment(whole(&recording.head()["Height"]));
    let first = (2020 * 12..).find(|month| begins(month + 1) > now).unwrap();
    let sum = |is_in: &dyn Fn(f64) -> bool| {
        funds.iter().filter(|(epoch, _)| is_in(moment(*epoch))).map(|(_, atto)| atto).sum::<i128>()
    };
    let months = first..first + 12;
    let mut sums: Vec<(String, i128)> = months
        .map(|month| {
            let from = if month == first { 0.0 } else { begins(month) };
            (name(month), sum(&|at| from <= at && at < begins(month + 1)))
        })
        .collect();
    sums.push(("later".to_owned(), sum(&|at| at >= begins(first + 12))));
    sums
}

/// The devnet has next to no power, so it mints by the simple rule: the reward halves in six years of 365 days of 2880 epochs. On network
/// version 28 a win brings a fifth of it.
pub fn forecast(recording: &Recording, expected: &mut Expected) {
    let state = &recording.chain("StateReadState", json!(["f02", "@head"]))["State"];
    for days in ["30", "90", "365"] {
        let years = days.parse::<f64>().unwrap() / 365.0;
        let reward = fil_of(whole(&state["ThisEpochReward"])) / 5.0 * 0.5_f64.powf(years / 6.0);
        let within = reward * (1.0 - 1e-9)..=reward * (1.0 + 1e-9);
        expected.add_within("farcaster_network_block_reward_forecast_fil", &[("in_days", days)], within);
    }
}
