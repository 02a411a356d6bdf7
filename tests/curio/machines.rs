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
