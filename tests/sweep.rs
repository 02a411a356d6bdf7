//! Every number in every answer of the simulated farm is replaced by an impossible one: nothing panics, nothing impossible is published, and the
//! next run, whose answers are right again, publishes what it would have published anyway. The same is done to the state file.

#![allow(clippy::unwrap_used)]

mod simulation;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use lotus_farcaster::demo::{self, Farm};
use lotus_farcaster::expose::{Unit, families};
use lotus_farcaster::rpc::{Cause, Node, ReadAnswer, Transport};
use lotus_farcaster::state::State;
use serde_json::{Value, json};
use simulation::{A_MIDNIGHT, Outcome, run_on};

/// A small farm has all that a large one has.
const SECTORS: u64 = 40;

/// Runs until the walk along the chain has caught up.
const RUNS_BEFORE: u32 = 40;

/// Each number is replaced by so many of [`IMPOSSIBLE`], different ones from the number before it.
const VALUES_A_FIELD: usize = 1;

/// The largest values of Go's types, values beyond them, and what its unsigned differences wrap around to.
const IMPOSSIBLE: [&str; 6] = [
    "-1",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "170141183460469231731687303715884105728",
    "100000000000000000000000000000",
];

/// Values that are possible after all, of these fields: a job whose result is waiting, a message that sends or pays some FIL, and one that calls
/// a method that only its receiver knows.
const POSSIBLE: &[(&str, &str)] = &[
    ("miner WorkerJobs[][].RunWait", "-1"),
    ("daemon ChainGetParentMessages[].Message.Value", "9223372036854775807"),
    ("daemon ChainGetParentMessages[].Message.Value", "18446744073709551615"),
    ("daemon ChainGetParentMessages[].Message.GasPremium", "9223372036854775807"),
    ("daemon ChainGetParentMessages[].Message.GasPremium", "18446744073709551615"),
    ("daemon ChainGetParentMessages[].Message.Method", "9223372036854775807"),
    ("daemon ChainGetParentMessages[].Message.Method", "18446744073709551615"),
];

/// Fields of which something impossible is still believed or remembered, and why.
const NOT_YET: &[(&str, &str)] = &[];

/// Sections of the memory in which something impossible is still believed, and why.
const SECTIONS_NOT_YET: &[(&str, &str)] = &[];

/// What is done to a number: which one, and what it becomes.
#[derive(Clone, Debug)]
struct Change {
    field: String,
    value: &'static str,
}

/// Numbers, identified by where they are.
enum Numbers<'a> {
    Note(&'a mut BTreeSet<String>),
    Change(&'a Change),
}

impl Numbers<'_> {
    /// Goes through a value; all elements of a list, and of what is used as a dictionary, are one.
    fn sweep(&mut self, at: &str, value: &mut Value) {
        match value {
            Value::Array(elements) => elements.iter_mut().for_each(|element| self.sweep(&format!("{at}[]"), element)),
            Value::Object(entries) => {
                for (key, entry) in entries {
                    let is_name = key.len() < 30 && !key.contains(['-', '/', '.', ':']);
                    self.sweep(&if is_name { format!("{at}.{key}") } else { format!("{at}[]") }, entry);
                }
            }
            Value::Number(_) => self.number(at, value, |text| serde_json::from_str(text).unwrap()),
            Value::String(text) if text.parse::<i128>().is_ok() => self.number(at, value, |text| json!(text)),
            _ => {}
        }
    }

    fn number(&mut self, at: &str, value: &mut Value, written: impl Fn(&str) -> Value) {
        match self {
            Numbers::Note(places) => {
                places.insert(at.to_owned());
            }
            Numbers::Change(change) if change.field == at => *value = written(change.value),
            Numbers::Change(_) => {}
        }
    }
}

/// What is done to these numbers, one after the other.
fn changes(fields: &[String]) -> Vec<Change> {
    let fields = fields.iter().enumerate();
    let changes = fields.flat_map(|(index, field)| {
        (0..VALUES_A_FIELD).map(move |nth| {
            let value = IMPOSSIBLE[(index * VALUES_A_FIELD + nth) % IMPOSSIBLE.len()];
            Change { field: field.clone(), value }
        })
    });
    changes.filter(|change| !POSSIBLE.contains(&(change.field.as_str(), change.value))).collect()
}

/// Makes each change, some at a time; `wrong` returns what is wrong afterwards, and a panic is always wrong.
fn assert_harmless(changes: &[Change], known: &[(&str, &str)], wrong: impl Fn(&Change) -> Vec<String> + Sync) {
    let faults = Mutex::new(Vec::new());
    let next = Mutex::new(changes.iter());
    let take = || next.lock().unwrap().next();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(change) = take() {
                    let wrong = catch_unwind(AssertUnwindSafe(|| wrong(change)));
                    let wrong = wrong.unwrap_or_else(|_| vec!["panics".to_owned()]);
                    let is_known = known.iter().any(|(field, _)| change.field.starts_with(field));
                    if !is_known && !wrong.is_empty() {
                        let fault = format!("{} = {}: {}", change.field, change.value, wrong.join("; "));
                        faults.lock().unwrap().push(fault);
                    }
                }
            });
        }
    });
    let mut faults = faults.into_inner().unwrap();
    faults.sort();
    assert!(faults.is_empty(), "{} of {} changes:\n{}", faults.len(), changes.len(), faults.join("\n"));
}

/// A node whose answers are noted number by number, and changed.
struct Swept {
    node: Arc<dyn Transport>,
    name: String,
    change: Option<Change>,
    fields: Arc<Mutex<BTreeSet<String>>>,
}

impl Transport for Swept {
    fn post(&self, path: &str, body: &[u8], timeout: Duration, read: ReadAnswer) -> Result<(), Cause> {
        let (mut status, mut text) = (0, Vec::new());
        self.node.post(path, body, timeout, &mut |of_answer, answer| {
            status = of_answer;
            answer.read_to_end(&mut text).map(|_| ())
        })?;
        let mut answer: Value = serde_json::from_slice(&text).unwrap();
        let request: Value = serde_json::from_slice(body).unwrap();
        match (&request, &mut answer) {
            (Value::Array(calls), Value::Array(answers)) => {
                calls.iter().zip(answers).for_each(|(call, answer)| self.sweep_answer(call, answer));
            }
            (call, answer) => self.sweep_answer(call, answer),
        }
        let text = serde_json::to_vec(&answer).unwrap();
        read(status, &mut text.as_slice()).map_err(|error| Cause::Failed(error.to_string()))
    }
}

impl Swept {
    fn sweep_answer(&self, call: &Value, answer: &mut Value) {
        let method = call["method"]
            .as_str()
            .unwrap_or("graphql")
            .trim_start_matches("Filecoin.")
            .trim_start_matches("CurioWeb.");
        // The actors that are read have different states.
        let of = match call["params"][0].as_str() {
            Some(actor @ ("f02" | "f04")) => format!("({actor})"),
            _ => String::new(),
        };
        for part in ["result", "data"] {
            if let Some(value) = answer.get_mut(part) {
                let numbers = &mut *self.fields.lock().unwrap();
                let mut numbers = self.change.as_ref().map_or(Numbers::Note(numbers), Numbers::Change);
                numbers.sweep(&format!("{} {method}{of}", self.name), value);
            }
        }
    }
}

/// The farm's nodes, each swept.
fn nodes(now: f64, change: Option<&Change>, fields: &Arc<Mutex<BTreeSet<String>>>) -> Vec<Node> {
    let swept = |node: Node, name: &str| -> Node {
        let transport =
            Swept { node: node.transport, name: name.to_owned(), change: change.cloned(), fields: fields.clone() };
        Node { transport: Arc::new(transport), ..node }
    };
    let nodes = demo::nodes(Farm::new(SECTORS).with_curio(), Arc::new(move || now)).into_iter();
    let nodes = nodes.map(|node| {
        let name = node.kind.as_str();
        let graphql = node.graphql.clone().map(|graphql| Box::new(swept(*graphql, name)));
        Node { graphql, ..swept(node, name) }
    });
    nodes.collect()
}

fn moment(run: u32) -> f64 {
    A_MIDNIGHT + 60.0 * f64::from(run)
}

/// A folder with the memory of a farm that was watched for a while, and the numbers that it answered.
fn watched() -> (tempfile::TempDir, Vec<String>, BTreeMap<String, f64>) {
    let folder = tempfile::tempdir().unwrap();
    let state = State::in_folder(folder.path());
    let fields = Arc::new(Mutex::new(BTreeSet::new()));
    let mut series = BTreeMap::new();
    for run in 0..RUNS_BEFORE {
        let outcome = run_on(&nodes(moment(run), None, &fields), moment(run), &state);
        assert_eq!(outcome.lines, [""; 0]);
        series = outcome.series();
    }
    let fields = fields.lock().unwrap().iter().cloned().collect();
    (folder, fields, series)
}

/// A memory that begins with what another remembers.
fn copy(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    std::fs::copy(folder.join("state.json"), copy.path().join("state.json")).unwrap();
    copy
}

/// One run with a change, one without.
fn two_runs(folder: &Path, change: Option<&Change>) -> [Outcome; 2] {
    let folder = copy(folder);
    let state = State::in_folder(folder.path());
    let fields = Arc::default();
    [(RUNS_BEFORE, change), (RUNS_BEFORE + 1, None)]
        .map(|(run, change)| run_on(&nodes(moment(run), change, &fields), moment(run), &state))
}

/// The family of a series, and whether it is the sum of a summary.
fn unit_of(series: &str) -> (Unit, bool) {
    let name = series.split('{').next().unwrap();
    let find = |name: &str| families::ALL.iter().find(|family| family.name == name).map(|family| family.unit);
    let is_sum = name.ends_with("_sum");
    let unit = find(name).or_else(|| find(name.strip_suffix("_sum")?));
    (unit.unwrap_or(Unit::Count), is_sum)
}

/// The impossible values that a run published.
fn impossible(outcome: &Outcome, now: f64) -> Vec<String> {
    let series = outcome.series().into_iter().filter(|(series, value)| {
        let (unit, is_sum) = unit_of(series);
        let (least, most) = unit.bounds(now);
        let most = if is_sum { 1e12 } else { most };
        !(least..=most).contains(value) || *value == 0.0 && value.is_sign_negative()
    });
    series.map(|(series, value)| format!("publishes {series} {value}")).collect()
}

/// How the next run differs from what it should be.
fn differences(
    before: &BTreeMap<String, f64>,
    expected: &BTreeMap<String, f64>,
    after: &BTreeMap<String, f64>,
) -> Vec<String> {
    let is_of_the_clock = |series: &str| {
        ["farcaster_run_", "farcaster_collector_duration", "farcaster_collector_data"]
            .iter()
            .any(|name| series.starts_with(name))
    };
    let all: BTreeSet<&String> =
        expected.keys().chain(after.keys()).filter(|series| !is_of_the_clock(series)).collect();
    let differs = |series: &&&String| {
        let (expected, after) = (expected.get(**series), after.get(**series));
        if expected == after {
            return false;
        }
        let is_total = ["_total", "_sum", "_count"].iter().any(|end| series.split('{').next().unwrap().ends_with(end));
        match (is_total, before.get(**series), expected, after) {
            // Only what the changed run should have counted may be missing.
            (true, Some(before), Some(expected), Some(after)) => !(*before..=*expected * (1.0 + 1e-9)).contains(after),
            _ => true,
        }
    };
    let differing = all.iter().filter(differs);
    let told = |series: &&String| format!("then {series} is {:?}, not {:?}", after.get(*series), expected.get(*series));
    differing.map(told).take(5).collect()
}

#[test]
fn no_impossible_number_in_an_answer_is_believed() {
    let (folder, fields, before) = watched();
    assert!(fields.len() > 150, "{fields:?}");
    let [_, clean] = two_runs(folder.path(), None);
    assert_eq!(clean.lines, [""; 0]);
    let expected = clean.series();
    assert_harmless(&changes(&fields), NOT_YET, |change| {
        let [changed, after] = two_runs(folder.path(), Some(change));
        [impossible(&changed, moment(RUNS_BEFORE)), differences(&before, &expected, &after.series())].concat()
    });
}

#[test]
fn no_impossible_number_in_the_state_is_believed() {
    let (folder, ..) = watched();
    let mut memory: Value = serde_json::from_slice(&std::fs::read(folder.path().join("state.json")).unwrap()).unwrap();
    let mut fields = BTreeSet::new();
    for (section, content) in memory["sections"].as_object_mut().unwrap() {
        Numbers::Note(&mut fields).sweep(section, content);
    }
    let fields: Vec<String> = fields.into_iter().collect();
    assert!(fields.len() > 30, "{fields:?}");
    assert_harmless(&changes(&fields), SECTIONS_NOT_YET, |change| {
        let mut memory = memory.clone();
        for (section, content) in memory["sections"].as_object_mut().unwrap() {
            Numbers::Change(change).sweep(section, content);
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("state.json"), memory.to_string()).unwrap();
        two_runs(folder.path(), None).iter().flat_map(|outcome| impossible(outcome, moment(RUNS_BEFORE + 1))).collect()
    });
}
