//! Machines that leave the list, and those that come back at another address.

use serde_json::{Value, json};

use super::support::{Curio, now};
use super::{collect, exporter};

fn list_without(curio: &Curio, name: &str) -> Value {
    let Value::Array(machines) = curio.result_of("ClusterMachines") else { panic!("no list") };
    machines.into_iter().filter(|machine| machine["Name"] != name).collect()
}

#[test]
fn a_machine_that_vanishes_from_the_list_is_remembered_as_gone() {
    let curio = Curio::cluster();
    let exporter = exporter(&curio);
    collect(&exporter);
    curio.result("ClusterMachines", list_without(&curio, "seal-1"));
    let (metrics, lines) = collect(&exporter);
    assert_eq!(lines, [""; 0]);
    let gone = [("machine", "seal-1")];
    assert_eq!(metrics.value("farcaster_curio_machine_up", &gone), Some(0.0));
    let contact = metrics.value("farcaster_curio_machine_last_contact_timestamp_seconds", &gone).unwrap();
    assert!((now() - contact).abs() < 60.0);
    assert!(!metrics.has("farcaster_curio_machine_info", &gone));
    // It comes back under a new number and address.
    let Value::Array(mut machines) = list_without(&curio, "seal-1") else { panic!("no list") };
    machines.push(
        json!({"Address": "10.9.9.9:12300", "ID": 950, "Name": "seal-1", "SinceContact": "3s", "Cpu": 64, "Gpu": 2,
        "Layers": "base,seal", "Unschedulable": true, "RestartRequest": "", "Restarting": false}),
    );
    curio.result("ClusterMachines", Value::Array(machines));
    let (metrics, _) = collect(&exporter);
    assert_eq!(metrics.value("farcaster_curio_machine_up", &gone), Some(1.0));
    assert_eq!(metrics.value("farcaster_worker_enabled", &[("worker_host", "seal-1")]), Some(0.0));
}

#[test]
fn a_machine_that_could_not_be_read_is_not_gone() {
    let curio = Curio::cluster();
    let exporter = exporter(&curio);
    collect(&exporter);
    let Value::Array(mut machines) = list_without(&curio, "seal-1") else { panic!("no list") };
    machines.push(json!("seal-1"));
    curio.result("ClusterMachines", Value::Array(machines));
    let (metrics, lines) = collect(&exporter);
    assert!(lines.iter().any(|line| line.contains("ClusterMachines[")), "{lines:?}");
    assert!(!metrics.has("farcaster_curio_machine_up", &[("machine", "seal-1")]));
}

#[test]
fn what_runs_curio_web_has_neither_name_nor_address() {
    let curio = Curio::cluster();
    let Value::Array(mut machines) = curio.result_of("ClusterMachines") else { panic!("no list") };
    machines.push(json!({"Address": "", "ID": 2, "Name": "", "SinceContact": "18s", "Tasks": "SendMessage,AlertManager", "Cpu": 2,
        "RamHumanized": "24 GB", "Gpu": 0, "Layers": "base,web", "Uptime": "18 seconds ago", "Version": "1.28.4 e0294b0",
        "Unschedulable": false, "RestartRequest": "", "Restarting": false, "RunningTasks": 0}));
    curio.result("ClusterMachines", Value::Array(machines));
    let task = |id: u32, name: &str, owner: Value, owner_id: Value| {
        json!({"ID": id, "Name": name, "SpID": "", "SincePosted": "2026-11-26T23:38:13.389176Z", "Owner": owner, "OwnerID": owner_id,
            "SincePostedStr": "16s", "Miner": ""})
    };
    let running = task(80010, "SendMessage", json!(""), json!("2"));
    let waiting = task(80011, "SendMessage", Value::Null, Value::Null);
    curio.result("ClusterTaskSummary", json!([running, waiting]));
    // Nor is a storage path that nobody serves its own.
    let mut paths = curio.result_of("StoragePathList");
    paths[0]["URLs"] = Value::Null;
    paths[1]["URLs"] = json!("http://127.0.0.1:0/remote");
    curio.result("StoragePathList", paths.clone());
    let (metrics, lines) = collect(&exporter(&curio));
    assert_eq!(lines, [""; 0]);
    let is_shown = |family: &str, labels: &[(&str, &str)]| metrics.value(family, labels) == Some(1.0);
    assert!(is_shown("farcaster_curio_machine_info", &[("machine", "curio web"), ("worker", "curio web")]));
    assert!(is_shown("farcaster_curio_machine_up", &[("machine", "curio web")]));
    let tasks = |state, machine| [("task", "SendMessage"), ("state", state), ("machine", machine)];
    assert!(is_shown("farcaster_curio_tasks", &tasks("running", "curio web")));
    assert!(is_shown("farcaster_curio_tasks", &tasks("waiting", "")));
    assert!(is_shown("farcaster_worker_tasks", &[("worker_host", "curio web"), ("task", "SendMessage")]));
    for path in [&paths[0], &paths[1]] {
        let id = path["StorageID"].as_str().unwrap();
        assert!(is_shown("farcaster_storage_info", &[("storage_id", id), ("storage_host", "")]), "{id}");
    }
}

#[test]
fn of_two_machines_with_one_name_the_newer_keeps_it() {
    let curio = Curio::cluster();
    let machine = |id: u32, address: &str| {
        json!({"Address": address, "ID": id, "Name": "seal-1", "SinceContact": "3s", "Cpu": 8, "Gpu": 0, "Layers": "base",
            "Unschedulable": false, "RestartRequest": "", "Restarting": false})
    };
    curio.result("ClusterMachines", json!([machine(1, "10.0.0.1:12300"), machine(2, "10.0.0.2:12300")]));
    let (metrics, lines) = collect(&exporter(&curio));
    assert_eq!(lines, [""; 0]);
    let worker = |machine: [(&str, &str); 2]| metrics.has("farcaster_curio_machine_info", &machine);
    assert!(worker([("machine", "seal-1"), ("worker", "10.0.0.2:12300")]));
    assert!(worker([("machine", "10.0.0.1:12300"), ("worker", "10.0.0.1:12300")]));
}
