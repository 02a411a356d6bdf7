//! Only what reads is ever called, and only the path of the web RPC is ever asked for.

use lotus_farcaster::rpc::curio::{Needs, methods};

use super::support::{Answer, Curio};
use super::{collect, exporter};

/// The methods of Curio's that change something, tell secrets or hurt, by the beginnings and ends of their names.
const NEVER: [&str; 40] = [
    "SQLQuery",
    "Move",
    "PS",
    "BalanceMgr",
    "FS",
    "Import",
    "Create",
    "Remove",
    "Add",
    "Restart",
    "Resume",
    "Delete",
    "Reset",
    "Approve",
    "Unapprove",
    "SealNow",
    "Bulk",
    "Abort",
    "Cordon",
    "Uncordon",
    "RunNow",
    "Start",
    "VanillaTest",
    "Set",
    "Update",
    "Enable",
    "Disable",
    "Edit",
    "Toggle",
    "Skip",
    "Change",
    "Acknowledge",
    "Mute",
    "Comment",
    "SendTest",
    "Charts",
    "FindContent",
    "IPNIEntry",
    "SectorInfo",
    "NodeMetrics",
];

#[test]
fn nothing_outside_the_table_is_ever_sent() {
    let (curio, skiff) = (Curio::cluster(), Curio::skiff());
    // Each in all that can happen to it: well, with methods missing, with batches broken.
    for served in [&curio, &skiff] {
        collect(&exporter(served));
        served.lacks(&["MessageQueueSummary", "StoragePathList"]).answer("WinStats", Answer::Missing);
        collect(&exporter(served));
    }
    for served in [&curio, &skiff] {
        for (request, calls) in served.requests().iter().zip(served.calls()) {
            assert_eq!(request.path, "/api/webrpc/v0");
            assert!(request.header("Authorization").is_none());
            for call in &calls {
                assert!(methods::ALL.iter().any(|method| method.name() == call), "{call} was sent");
            }
            let is_chain = |call: &String| {
                methods::ALL.iter().any(|method| method.name() == call && method.needs() == Needs::Chain)
            };
            assert!(calls.len() == 1 || !calls.iter().any(is_chain), "a call that may hang is in a batch: {calls:?}");
        }
    }
    for method in methods::ALL {
        let name = method.name();
        let reads =
            ["HarmonyTaskStats", "PDPKeyStatus", "AlertUnacknowledgedCount", "PDPDataSetList", "StorageGCStats"]
                .contains(&name);
        let bad = NEVER.iter().find(|word| name.contains(*word));
        assert!(bad.is_none() || reads, "{name} contains {bad:?}");
    }
}

#[test]
fn a_run_is_twelve_requests_at_most() {
    let curio = Curio::cluster();
    let exporter = exporter(&curio);
    for _ in 0..2 {
        let before = curio.requests().len();
        collect(&exporter);
        assert!(curio.requests().len() - before <= 12, "{:?}", curio.calls());
    }
}
