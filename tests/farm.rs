//! The commands that prepare a farm: the edge at each site, and the centre.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;

use serde_norway::{Mapping, Value};
use support::{Place, has};

#[test]
fn init_edge_hands_over_the_token_and_the_authority() {
    let place = Place::new();
    place.folder("out").folder("secrets");
    let command = "init-edge --secrets @secrets @out";
    has(&place.bad(command), &["secrets/centre_token cannot be read (", "): write to it the token"]);
    for (text, word) in [("\n", "is empty"), ("S3CRET", "fewer than 16"), ("S3CRET-0123456789 S3CRET", "more than one")]
    {
        has(&place.write("secrets/centre_token", text).bad(command), &["secrets/centre_token", word]);
        assert!(!place.exists("out/centre_token"));
    }
    place.write("secrets/centre_token", "S3CRET-0123456789\n").good(command);
    assert_eq!((place.read("out/centre_token").as_str(), place.mode("out/centre_token")), ("S3CRET-0123456789", 0o440));
    assert!(!place.exists("out/centre_ca.pem"));

    has(&place.write("secrets/centre_ca.pem", "no").bad(command), &["centre_ca.pem is not in PEM"]);
    let pem = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
    has(&place.write("secrets/centre_ca.pem", pem).good(command), &["centre_ca.pem"]);
    assert_eq!(place.read("out/centre_ca.pem"), pem);
}

#[test]
fn init_centre_lets_each_site_send_under_its_name_and_expects_it() {
    let place = Place::new();
    let command = "init-centre --secrets @secrets @out";
    has(&place.folder("out").folder("secrets").bad(command), &["no site can send", "secrets/sites/NAME"]);
    place.write("secrets/sites/north", "S3CRET-of-the-north\n").write("secrets/sites/south-2", "S3CRET-of-the-south");
    place.write("secrets/sites/.hidden", "").write("secrets/sites/README.md", "").write("secrets/sites/north~", "");
    has(&place.good(command), &["sites that may send, and are expected to: north, south-2"]);
    let auth: serde_json::Value = serde_json::from_str(&place.read("out/vmauth.yml")).unwrap();
    assert_eq!(place.mode("out/vmauth.yml"), 0o440);
    let user = |site: &str, token: &str| {
        let prefix = format!("http://victoria-metrics:9090/?extra_label=site={site}");
        let map = serde_json::json!([{"src_paths": ["/api/v1/write"], "url_prefix": prefix}]);
        serde_json::json!({"name": site, "bearer_token": token, "url_map": map})
    };
    let users = [user("north", "S3CRET-of-the-north"), user("south-2", "S3CRET-of-the-south")];
    assert_eq!(auth, serde_json::json!({ "users": users }));
    assert_eq!(expected_sites(&place), ["north", "south-2"]);

    // A site with a mistake is expected, cannot send, and keeps no other from sending.
    place
        .write("secrets/sites/east", "S3CRET-of-the-north")
        .write("secrets/sites/west", "S3CRET")
        .write("secrets/sites/b c", "x");
    let (code, stdout, stderr) = place.run(&format!("{command} --store https://127.0.0.1:8428/"));
    assert_eq!(code, 0, "{stderr}");
    has(&stdout, &["expected to: east, south-2\n"]);
    has(
        &stderr,
        &[
            "sites/north holds the token of another site",
            "sites/west holds a token of fewer than 16",
            "sites/b c is ignored",
        ],
    );
    assert_eq!(expected_sites(&place), ["east", "north", "south-2", "west"]);
    has(&place.read("out/vmauth.yml"), &["\"https://127.0.0.1:8428/?extra_label=site=east\""]);

    for (name, wrong) in [("centre_cert.pem", true), ("centre_key.pem", false)] {
        place.write(&format!("secrets/{name}"), "-----BEGIN X-----\n");
        assert_eq!(place.run(command).2.contains("only one is in"), wrong);
        assert_eq!(place.mode(&format!("out/{name}")), 0o440);
    }

    // The last site's token taken away.
    std::fs::remove_dir_all(place.0.path().join("secrets/sites")).unwrap();
    has(&place.bad(command), &["no site can send"]);
    assert!(!place.read("out/vmauth.yml").contains("S3CRET"));
}

/// The sites that the rules say are expected.
fn expected_sites(place: &Place) -> Vec<String> {
    let rules: serde_json::Value = serde_json::from_str(&place.read("out/sites.yaml")).unwrap();
    let rules = rules["groups"][0]["rules"].as_array().unwrap().clone();
    assert!(rules.iter().all(|rule| rule["record"] == "own:farcaster_site:info" && rule["expr"] == "vector(1)"));
    rules.iter().map(|rule| rule["labels"]["site"].as_str().unwrap().to_owned()).collect()
}

/// A file of Compose, with what its anchors and `extends` stand for.
fn compose(name: &str) -> Mapping {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let mut file: Value = serde_norway::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    // An anchor may itself be made of others.
    for _ in 0..3 {
        file.apply_merge().unwrap();
    }
    file["services"].as_mapping().unwrap().clone()
}

#[test]
fn edge_and_centre_run_what_compose_yaml_runs_as_it_does() {
    let single = compose("compose.yaml");
    let mut same = BTreeSet::new();
    for name in ["compose.edge.yaml", "compose.centre.yaml"] {
        for (service, mut settings) in compose(name) {
            let Some(mut expected) = single.get(&service).cloned() else { continue };
            let service = service.as_str().unwrap().to_owned();
            if settings.get("extends").is_some_and(|of| of["file"] == "compose.yaml" && of["service"] == *service) {
                continue;
            }
            // Each file has its own order.
            for settings in [&mut settings, &mut expected] {
                settings.as_mapping_mut().unwrap().remove("depends_on");
            }
            assert_eq!(settings, expected, "{service} of {name}");
            same.insert(service);
        }
    }
    let known = ["alertmanager", "demo", "exporter", "grafana", "init-grafana", "see-logs-of-init-nodes"];
    assert_eq!(same, known.map(str::to_owned).into());
}

#[test]
fn every_container_of_a_farm_is_locked_up() {
    for name in ["compose.edge.yaml", "compose.centre.yaml"] {
        for (service, settings) in compose(name) {
            if settings.get("extends").is_some() {
                continue;
            }
            let service = service.as_str().unwrap();
            let place = format!("{service} of {name}");
            assert_eq!(settings["read_only"], true, "{place}");
            assert_eq!(settings["cap_drop"][0], "ALL", "{place}");
            assert_eq!(settings["security_opt"][0], "no-new-privileges:true", "{place}");
            assert!(settings.get("mem_limit").is_some() && settings.get("pids_limit").is_some(), "{place}");
            let is_of_init = service.starts_with("init-");
            let user = settings.get("user").and_then(Value::as_str).unwrap_or("65532:65532");
            assert!(!user.starts_with("0:") || is_of_init, "{place} is root");
            let is_service = settings["restart"] == "unless-stopped";
            assert_eq!(is_service, settings.get("healthcheck").is_some(), "{place}");
            let ports = settings.get("ports").map(|ports| ports[0].as_str().unwrap());
            match service {
                "grafana" | "vmauth" => assert!(ports.unwrap().contains("_BIND:-127.0.0.1}"), "{place}"),
                _ => assert_eq!(ports, None, "{place}"),
            }
        }
    }
}
