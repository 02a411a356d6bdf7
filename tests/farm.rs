//! The commands that prepare a farm: the edge at each site, and the centre.

#![allow(clippy::unwrap_used)]

mod support;

use support::{Place, has};

#[test]
fn init_edge_hands_over_the_token_and_the_authority() {
    let place = Place::new();
    place.folder("out").folder("secrets");
    let command = "init-edge --secrets @secrets @out";
    has(&place.bad(command), &["secrets/centre_token cannot be read", "write to it the token"]);
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
}

/// The sites that the rules say are expected.
fn expected_sites(place: &Place) -> Vec<String> {
    let rules: serde_json::Value = serde_json::from_str(&place.read("out/sites.yaml")).unwrap();
    let rules = rules["groups"][0]["rules"].as_array().unwrap().clone();
    assert!(rules.iter().all(|rule| rule["record"] == "own:farcaster_site:info" && rule["expr"] == "vector(1)"));
    rules.iter().map(|rule| rule["labels"]["site"].as_str().unwrap().to_owned()).collect()
}
