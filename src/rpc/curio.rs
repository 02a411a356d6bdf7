//! The web RPC of Curio. It has no password and some 220 methods, of which one runs any SQL, and many move money, print keys or remove sectors.
//! So a call can only be made of a [`Method`], and the only ones there are stand in the table below: they read, and are cheap.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answers, Batch, Budget, CallError, Cause, Client, Cost, Dialect, Gather, Habits, Ticket, Transport};

/// Where it answers.
pub const PATH: &str = "/api/webrpc/v0";

/// A method that may be called. There are no others than the constants in [`methods`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method {
    name: &'static str,
    needs: Needs,
}

/// What Curio needs for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing, or its database.
    Database,
    /// A full node, which may hang, and Curio with it: such a call is never in a batch, and gets little time.
    Chain,
}

impl Method {
    /// Whether the method of this name asks a full node.
    pub fn asks_the_chain(name: &str) -> bool {
        methods::ALL.iter().any(|method| method.name == name && method.needs == Needs::Chain)
    }

    /// Without its prefix.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// What Curio needs for an answer.
    pub fn needs(self) -> Needs {
        self.needs
    }
}

macro_rules! methods {
    ($($constant:ident: $needs:ident $name:literal;)*) => {
        /// The methods that may be called.
        pub mod methods {
            use super::{Method, Needs};

            $(
                #[doc = $name]
                pub const $constant: Method = Method { name: $name, needs: Needs::$needs };
            )*

            /// All of them.
            pub const ALL: &[Method] = &[$($constant),*];
        }
    };
}

methods! {
    VERSION: Database "Version";
    UI_VARIANT: Database "UIVariant";
    BLOCK_DELAY_SECS: Database "BlockDelaySecs";
    ACTOR_LIST: Database "ActorList";
    CLUSTER_MACHINES: Database "ClusterMachines";
    CLUSTER_NODE_INFO: Database "ClusterNodeInfo";
    CLUSTER_TASK_SUMMARY: Database "ClusterTaskSummary";
    HARMONY_TASK_STATS: Database "HarmonyTaskStats";
    SECTOR_PIPELINE_STATS: Database "SectorPipelineStats";
    UPGRADE_SECTORS: Database "UpgradeSectors";
    PIPELINE_STATS_MARKET: Database "PipelineStatsMarket";
    PIPELINE_FAILED_TASKS_MARKET: Database "PipelineFailedTasksMarket";
    MK12_PIPELINE_FAILED_TASKS: Database "MK12PipelineFailedTasks";
    MK20_PIPELINE_FAILED_TASKS: Database "MK20PipelineFailedTasks";
    MK20_PDP_PIPELINE_FAILED_TASKS: Database "MK20PDPPipelineFailedTasks";
    GET_STORAGE_ASK: Database "GetStorageAsk";
    PIECE_SUMMARY: Database "PieceSummary";
    STORAGE_PATH_LIST: Database "StoragePathList";
    STORAGE_PATH_DETAIL: Database "StoragePathDetail";
    STORAGE_GC_STATS: Database "StorageGCStats";
    MESSAGE_QUEUE_SUMMARY: Database "MessageQueueSummary";
    PENDING_MESSAGES: Database "PendingMessages";
    WIN_STATS: Database "WinStats";
    ALERT_ONGOING_LIST: Database "AlertOngoingList";
    ALERT_UNACKNOWLEDGED_COUNT: Database "AlertUnacknowledgedCount";
    POREP_PIPELINE_SUMMARY: Chain "PorepPipelineSummary";
    PIPELINE_POREP_SECTORS: Chain "PipelinePorepSectors";
    SYNCER_STATE: Chain "SyncerState";
    PDP_PROVING_STATUS: Chain "PDPProvingStatus";
    PDP_DATA_SET_LIST: Chain "PDPDataSetList";
    PDP_DASHBOARD_SUMMARY: Chain "PDPDashboardSummary";
    PDP_PROVING_FAILURES: Chain "PDPProvingFailures";
    PDP_KEY_STATUS: Chain "PDPKeyStatus";
}

/// As Curio calls its methods, and without the names of its database and chain nodes.
const CURIO: Dialect = Dialect {
    prefix: "CurioWeb.",
    allows: |name| methods::ALL.iter().any(|method| method.name == name),
    redact: without_places,
    may_be_silent: true,
};

/// A Curio during one run. Threads may share it.
pub struct Curio {
    client: Client,
}

/// Calls to be made together, none of which asks the chain.
#[derive(Default)]
pub struct CurioBatch(Batch);

impl CurioBatch {
    /// Adds a call, whose answer is a `T`.
    pub fn add<T>(&mut self, method: Method, params: Value) -> Ticket<T>
    where
        T: for<'de> Deserialize<'de> + Send + 'static,
    {
        self.0.add(method.name, params)
    }

    /// Adds a call whose answer is a list of any length. Null is an empty list.
    pub fn add_each<G: Gather>(&mut self, method: Method) -> Ticket<G> {
        self.0.add_each(method.name, json!([]))
    }

    /// An error of Curio's is an answer, too: that there is no such thing.
    pub fn may_refuse<T>(&mut self, ticket: Ticket<T>) -> Ticket<T> {
        self.0.expect(ticket, Cause::is_refusal)
    }
}

impl Curio {
    /// Makes no connection yet. `name` is how messages call it.
    pub fn new(name: String, transport: Arc<dyn Transport>, budget: Budget, habits: Habits) -> Curio {
        Curio { client: Client::new(name, PATH, transport, budget, habits).speaking(&CURIO) }
    }

    /// Sends a batch and waits for its answers. Calls that would ask the chain are left out of it, and stay unanswered.
    pub fn send(&self, CurioBatch(batch): &CurioBatch) -> Answers {
        self.client.send(batch)
    }

    /// Makes a call that asks the chain: alone, and with half the time of others.
    pub fn call<T>(&self, method: Method, params: Value) -> Result<T, CallError>
    where
        T: for<'de> Deserialize<'de> + Send + 'static,
    {
        self.client.call_briefly(method.name, params)
    }

    /// Makes such a call whose answer is a long list, which may take twice the time of others.
    pub fn each<T>(&self, method: Method, take: impl FnMut(Result<T, String>)) -> Result<(), CallError>
    where
        T: for<'de> Deserialize<'de>,
    {
        self.client.each(method.name, json!([]), take)
    }

    /// The same Curio for calls that may hang: where they do, only these are given up.
    pub fn apart(&self) -> Curio {
        Curio { client: self.client.apart() }
    }

    /// How messages call it.
    pub fn name(&self) -> &str {
        self.client.name()
    }

    /// What this has cost it.
    pub fn cost(&self) -> Cost {
        self.client.cost()
    }

    /// What was learnt about it.
    pub fn habits(&self) -> Habits {
        self.client.habits()
    }

    /// It reported its version. What was learnt about another one does not apply.
    pub fn is_version(&self, version: &str) {
        self.client.is_version(version);
    }

    /// What was learnt is about another program.
    pub fn forget_habits(&self) {
        self.client.forget_habits();
    }

    /// Asks no further in this run.
    pub fn give_up(&self) {
        self.client.give_up();
    }

    /// The client for what is reported about every node, which can make no other calls either.
    pub fn client(&self) -> Client {
        self.client.apart()
    }
}

/// How an error begins that tells of a database which is not there. Each method puts other words before it, as if each had failed on its own.
const NO_DATABASE: &str = "failed to connect to `";

/// A text of Curio's without what may be the name, user or address of its database or of a chain node.
fn without_places(text: &str) -> String {
    let text = text.find(NO_DATABASE).map_or(text, |start| &text[start..]);
    let is_place = |word: &str| {
        let tells = ["=", "://", "/ip4/", "/ip6/", "/dns", "@", "[::"];
        let is_host_and_port = word.rsplit_once(':').is_some_and(|(host, rest)| {
            !host.is_empty()
                && rest.trim_end_matches(|c: char| !c.is_ascii_digit()).bytes().all(|b| b.is_ascii_digit())
                && rest.starts_with(|c: char| c.is_ascii_digit())
        });
        let is_ip = word.split('.').filter(|part| part.bytes().any(|byte| byte.is_ascii_digit())).count() >= 4;
        let is_host = word.trim_matches(|c: char| !c.is_ascii_alphanumeric()).contains('.')
            && word.bytes().any(|byte| byte.is_ascii_alphabetic())
            && !word.ends_with('.');
        tells.iter().any(|tell| word.contains(tell)) || is_host_and_port || is_ip || is_host
    };
    let mut shown = String::new();
    for word in text.split_inclusive(char::is_whitespace) {
        if !is_place(word.trim_end()) {
            shown.push_str(word);
        } else if !shown.trim_end().ends_with(LEFT_OUT) {
            shown.push_str(LEFT_OUT);
            shown.push_str(&word[word.trim_end().len()..]);
        }
    }
    shown
}

/// Stands where places were.
const LEFT_OUT: &str = "[…]";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_place_of_the_database_or_the_chain_is_in_a_message() {
        for (text, shown) in [
            (
                "failed to connect to `user=yugabyte database=curio`: 10.1.2.3:5433 (db1.farm.example): dial error",
                "failed to connect to […] dial error",
            ),
            (
                "query: failed to connect to `user=yugabyte database=curio`: 10.1.2.3:5433 (10.1.2.3): dial error",
                "failed to connect to […] dial error",
            ),
            ("dial tcp [::1]:1234: connect: connection refused", "dial tcp […] connect: connection refused"),
            ("cannot reach http://key@node/rpc/v1", "cannot reach […]"),
            ("lookup node-7.local on 10.0.0.2: no such host", "lookup […] on […] no such host"),
            ("Post \"https://api.node.glif.io/rpc/v1\": EOF", "Post […] EOF"),
            ("no storage ask found for sp_id 7", "no storage ask found for sp_id 7"),
            ("machine not found", "machine not found"),
        ] {
            assert_eq!(without_places(text), shown);
        }
    }

    #[test]
    fn a_method_stands_in_the_table_once() {
        for method in methods::ALL {
            assert_eq!(methods::ALL.iter().filter(|other| other.name == method.name).count(), 1, "{}", method.name);
        }
    }
}
