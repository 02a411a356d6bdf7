#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;

use super::super::{Found, Known, Places, discover};
use super::*;

/// What answers, and what was asked.
#[derive(Default)]
struct Network {
    web_uis: Vec<&'static str>,
    listener: Option<&'static str>,
    documents: BTreeMap<&'static str, &'static str>,
    asked: RefCell<Vec<String>>,
}

impl Ask for Network {
    fn listens(&self, at: SocketAddr) -> bool {
        self.listener.is_some_and(|listener| listener == at.to_string())
    }

    fn is_curio(&self, url: &str) -> bool {
        self.asked.borrow_mut().push(url.to_owned());
        self.web_uis.contains(&url)
    }

    fn machines(&self, url: &str) -> Option<String> {
        self.asked.borrow_mut().push(url.to_owned());
        self.documents.get(url).map(|text| (*text).to_owned())
    }

    fn own_address(&self) -> Option<IpAddr> {
        Some([10, 0, 0, 5].into())
    }
}

const DOCUMENT: &str = r#"[{"targets":["10.0.0.1:12300"],"labels":{"layers":",base,seal,"}},
    {"targets":[""],"labels":{"layers":"base,web"}},{"targets":["10.0.0.2:12300"],"labels":{"layers":"base,post,gui"}}]"#;

/// A machine with these settings.
struct World {
    folder: tempfile::TempDir,
    network: Network,
    known: Known,
    now: f64,
}

impl World {
    fn new(network: Network) -> World {
        World { folder: tempfile::tempdir().unwrap(), network, known: Known::default(), now: 1e9 }
    }

    fn file(self, name: &str, text: &str) -> World {
        fs::write(self.folder.path().join(name), text).unwrap();
        self
    }

    fn discover_with(&self, curio: &[&str], env: &[(&str, &str)]) -> Found {
        let folder = self.folder.path();
        let (env_file, routes) = (folder.join("curio.env"), folder.join("routes"));
        let machine = Machine { env_file, routes, ask: &self.network };
        let env = |name: &str| match name {
            "HOME" => Some(folder.display().to_string()),
            _ => env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()),
        };
        discover(&Places {
            curio: curio.iter().map(|url| (*url).to_owned()).collect(),
            machine: Some(&machine),
            known: self.known.clone(),
            now: self.now,
            ..Places::of_env(&env)
        })
    }

    fn discover(&self) -> Found {
        self.discover_with(&[], &[])
    }
}

fn urls(found: &Found) -> Vec<&str> {
    found.curios.iter().map(|node| node.url.as_str()).collect()
}

#[test]
fn without_a_sign_of_curio_nothing_is_asked() {
    let world = World::new(Network { web_uis: vec!["http://127.0.0.1:4701"], ..Network::default() });
    let found = world.discover();
    assert_eq!((urls(&found), &found.warnings[..]), (vec![], &[][..]));
    assert_eq!(world.network.asked.into_inner(), [""; 0]);
}

#[test]
fn options_win_over_the_variable_and_that_over_this_machine() {
    let world = World::new(Network::default()).file("curio.env", "CURIO_LAYERS=gui\n");
    let variable = [("CURIO_WEBRPC_URL", "http://10.0.0.9:4701/api/webrpc/v0")];
    let found = world.discover_with(&["http://10.0.0.7:4701/"], &variable);
    assert_eq!(urls(&found), ["http://10.0.0.7:4701"]);
    let found = world.discover_with(&[], &variable);
    assert_eq!((urls(&found), found.curios[0].address()), (vec!["http://10.0.0.9:4701"], "10.0.0.9:4701".to_owned()));
    assert!(world.network.asked.into_inner().is_empty());
}

#[test]
fn each_sign_makes_this_machines_own_port_be_asked() {
    let loopback = || Network { web_uis: vec!["http://127.0.0.1:4701"], ..Network::default() };
    let routes = "Main:\n  +-- 0.0.0.0/0 3 0 4\n           |-- 127.0.0.0\n              /8 host LOCAL\n           |-- 10.0.0.5\n              /32 host LOCAL\n        |-- 10.0.0.255\n           /32 link BROADCAST\n";
    let listening = |at| World::new(Network { listener: Some(at), ..loopback() });
    assert_eq!(urls(&listening("127.0.0.1:4701").discover()), ["http://127.0.0.1:4701"]);
    assert_eq!(urls(&listening("10.0.0.5:4701").file("routes", routes).discover()), ["http://127.0.0.1:4701"]);
    for at in ["10.0.0.255:4701", "127.0.0.0:4701", "127.0.0.1:4702"] {
        assert_eq!(urls(&listening(at).file("routes", routes).discover()), [""; 0], "{at}");
    }
    assert_eq!(urls(&World::new(loopback()).file("curio.env", "").discover()), ["http://127.0.0.1:4701"]);
    let with_repo = World::new(loopback());
    fs::create_dir(with_repo.folder.path().join(".curio")).unwrap();
    assert_eq!(urls(&with_repo.discover()), ["http://127.0.0.1:4701"]);
}

#[test]
fn a_web_ui_that_is_open_to_the_network_only_is_found_there() {
    let network = Network { web_uis: vec!["http://10.0.0.5:4701"], ..Network::default() };
    assert_eq!(urls(&World::new(network).file("curio.env", "").discover()), ["http://10.0.0.5:4701"]);
}

#[test]
fn any_machine_of_the_cluster_tells_which_has_the_web_ui() {
    let of = |at| Network {
        web_uis: vec!["http://10.0.0.2:4701"],
        documents: [(at, DOCUMENT)].into(),
        ..Network::default()
    };
    // 0.0.0.0 is not where it listens.
    let world = World::new(of("http://10.0.0.5:12300")).file("curio.env", "CURIO_LISTEN=0.0.0.0:12300\n");
    assert_eq!(urls(&world.discover()), ["http://10.0.0.2:4701"]);
    let world = World::new(of("http://10.0.0.8:12300"))
        .file("curio.env", "CURIO_DB_PASSWORD=s3cr3t\nexport CURIO_LISTEN=\"10.0.0.8:12300\"\n");
    let found = world.discover();
    assert_eq!(urls(&found), ["http://10.0.0.2:4701"]);
    assert!(!format!("{found:?}").contains("s3cr3t"));
}

#[test]
fn a_cluster_without_a_web_ui_is_told_once_it_is_certain_that_it_is_there() {
    let found = World::new(Network::default()).file("curio.env", "CURIO_DB_PASSWORD=s3cr3t\n").discover();
    assert_eq!(urls(&found), [""; 0]);
    assert!(found.warnings[0].contains("curio.env") && found.warnings[0].contains("--curio http://HOST:4701"));
    assert!(!found.warnings[0].contains("s3cr3t"));
    // A folder may be left from earlier.
    let left = World::new(Network::default());
    fs::create_dir(left.folder.path().join(".curio")).unwrap();
    assert_eq!(left.discover().warnings, [""; 0]);
}

#[test]
fn a_web_ui_that_was_found_stays_where_it_was_while_it_is_down() {
    let network = Network { web_uis: vec!["http://127.0.0.1:4701"], ..Network::default() };
    let mut world = World::new(network).file("curio.env", "");
    world.known = world.discover().known;
    world.network.web_uis.clear();
    let found = world.discover();
    assert_eq!((urls(&found), &found.warnings[..]), (vec!["http://127.0.0.1:4701"], &[][..]));
    // Curio is removed: it is missed for three days.
    world.known = found.known;
    fs::remove_file(world.folder.path().join("curio.env")).unwrap();
    let found = world.discover();
    assert!(found.curios[0].gone.as_ref().unwrap().contains("nothing is left of it"));
    world.now += 4.0 * 86_400.0;
    assert_eq!(urls(&world.discover()), [""; 0]);
}

#[test]
fn what_others_would_ask_is_this_machines_address_in_the_network() {
    let at = |url: &str| elsewhere(&Endpoint::new(Kind::Curio, url.to_owned(), None, ""));
    assert_eq!(at("http://10.0.0.9:4701"), None);
    if let Some(endpoint) = at("http://127.0.0.1:4701") {
        assert!(endpoint.url.ends_with(":4701") && !endpoint.url.contains("127.0.0.1"), "{}", endpoint.url);
    }
    assert_eq!(place_of("/ip4/10.0.0.1/tcp/1234/http").as_deref(), Some("10.0.0.1:1234"));
    assert_eq!(place_of("https://api.example/key/rpc/v1").as_deref(), Some("api.example:443"));
    assert_eq!(place_of("nonsense"), None);
}
