#![allow(clippy::unwrap_used)]

use super::*;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use tempfile::TempDir;

const JWT: &str = "eyJhbGciOiJIUzI1NiIs.eyJBbGxvdyI6WyJyZWFkIl19.c2lnbmF0dXJl";

/// A home folder, the variables and the options of one test.
struct World {
    home: TempDir,
    env: Vec<(&'static str, String)>,
    daemon_repo: Option<PathBuf>,
    miner_repos: Vec<PathBuf>,
    boost_repo: Option<PathBuf>,
    known: Known,
    now: f64,
}

impl World {
    fn new() -> Self {
        World {
            home: tempfile::tempdir().unwrap(),
            env: Vec::new(),
            daemon_repo: None,
            miner_repos: Vec::new(),
            boost_repo: None,
            known: Known::default(),
            now: 1e9,
        }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.env.push((name, value.into()));
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// A repo as a running node leaves it, with the name of the folder as token.
    fn repo(&self, name: &str, api: &str) -> PathBuf {
        self.file(&format!("{name}/token"), &token_of(name));
        self.file(&format!("{name}/api"), api);
        self.path(name)
    }

    /// Discovers, and checks that no token shows in what may be printed.
    fn discover(&self) -> Found {
        let found = discover(&Places {
            env: &|name| match name {
                "HOME" => Some(self.home.path().display().to_string()),
                _ => Some(self.env.iter().find(|(known, _)| *known == name)?.1.clone()),
            },
            daemon_repo: self.daemon_repo.clone(),
            miner_repos: self.miner_repos.clone(),
            boost_repo: self.boost_repo.clone(),
            known: self.known.clone(),
            now: self.now,
            ..Places::of_env(&|_| None)
        });
        let printed = format!("{found:?}{found:#?}{:?}", found.warnings);
        for secret in ["eyJ", "s3cr3t"] {
            assert!(!printed.contains(secret), "{secret} shows in {printed}");
        }
        found
    }
}

fn token_of(name: &str) -> String {
    format!("eyJ.{}.x\n", name.trim_start_matches('.'))
}

fn urls(nodes: &[Endpoint]) -> Vec<&str> {
    nodes.iter().map(|node| node.url.as_str()).collect()
}

fn token(node: &Endpoint) -> Option<&str> {
    match node.credential.as_ref()? {
        Credential::Token(token) => Some(token.reveal()),
        Credential::Basic(_) => panic!("a user instead of a token"),
    }
}

fn tokens(nodes: &[Endpoint]) -> Vec<Option<&str>> {
    nodes.iter().map(token).collect()
}

fn no_warnings(found: &Found) {
    assert_eq!(found.warnings, [""; 0]);
}

/// The one warning, which holds all of `parts`.
fn one_warning(found: &Found, parts: &[&str]) {
    assert_eq!(found.warnings.len(), 1, "{:?}", found.warnings);
    for part in parts {
        let warning = &found.warnings[0];
        assert!(warning.contains(part), "{part:?} is not in {warning:?}");
    }
}

#[test]
fn where_nothing_is_nothing_is_found_or_reported() {
    let found = World::new().discover();
    no_warnings(&found);
    assert!(found.daemons.is_empty() && found.miners.is_empty() && found.boosts.is_empty());
}

#[test]
fn default_repos() {
    let world = World::new();
    let lotus = world.repo(".lotus", "/ip4/127.0.0.1/tcp/1234/http\n");
    world.repo(".lotusminer", "/ip4/0.0.0.0/tcp/2346");
    world.repo(".boost", "http://[::]:1289");
    let found = world.discover();
    no_warnings(&found);
    assert_eq!(
        found.daemons,
        [Endpoint {
            kind: Kind::Daemon,
            url: "http://127.0.0.1:1234".to_owned(),
            credential: Some(Credential::Token(Secret::new("eyJ.lotus.x"))),
            source: lotus.display().to_string(),
            known_as: lotus.display().to_string(),
            graphql: None,
            gone: None,
        }]
    );
    assert_eq!(urls(&found.miners), ["http://127.0.0.1:2346"]);
    assert_eq!(token(&found.miners[0]), Some("eyJ.lotusminer.x"));
    assert_eq!(urls(&found.boosts), ["http://[::1]:1289"]);
    assert_eq!(found.boosts[0].kind.as_str(), "boost");
}

#[test]
fn repo_variables_come_before_default_repos() {
    for (name, kind) in [
        ("LOTUS_PATH", Kind::Daemon),
        ("LOTUS_MINER_PATH", Kind::Miner),
        ("LOTUS_STORAGE_PATH", Kind::Miner),
        ("BOOST_PATH", Kind::Boost),
    ] {
        let world = World::new();
        for default in [".lotus", ".lotusminer", ".boost"] {
            world.repo(default, "/ip4/10.0.0.1/tcp/1");
        }
        let repo = world.repo("srv", "/ip4/10.0.0.9/tcp/9");
        let found = world.with(name, repo.to_str().unwrap()).discover();
        no_warnings(&found);
        for nodes in [&found.daemons, &found.miners, &found.boosts] {
            let named = nodes[0].kind == kind;
            let expected = if named { "http://10.0.0.9:9" } else { "http://10.0.0.1:1" };
            assert_eq!(urls(nodes), [expected], "{name}");
        }
    }
}

#[test]
fn the_new_name_of_a_variable_comes_before_the_deprecated_one() {
    let world = World::new().with("LOTUS_MINER_PATH", "~/new").with("LOTUS_STORAGE_PATH", "~/old");
    world.repo("new", "/ip4/10.0.0.1/tcp/1");
    world.repo("old", "/ip4/10.0.0.1/tcp/2");
    assert_eq!(urls(&world.discover().miners), ["http://10.0.0.1:1"]);

    let world = world.with("STORAGE_API_INFO", "/ip4/10.0.0.1/tcp/3");
    assert_eq!(urls(&world.discover().miners), ["http://10.0.0.1:3"]);

    let world = world.with("MINER_API_INFO", "/ip4/10.0.0.1/tcp/4");
    let found = world.discover();
    no_warnings(&found);
    assert_eq!(urls(&found.miners), ["http://10.0.0.1:4"]);
    assert_eq!(found.miners[0].source, "MINER_API_INFO");
}

#[test]
fn options_come_before_everything() {
    let mut world = World::new()
        .with("FULLNODE_API_INFO", "/ip4/10.0.0.1/tcp/1")
        .with("LOTUS_MINER_PATH", "~/elsewhere")
        .with("BOOST_API_INFO", "/ip4/10.0.0.1/tcp/3");
    world.daemon_repo = Some(world.repo("d", "/ip4/10.0.0.2/tcp/1"));
    world.miner_repos = vec![world.repo("m1", "/ip4/10.0.0.2/tcp/2"), world.repo("m2", "/ip4/10.0.0.3/tcp/2")];
    world.repo("b", "/ip4/10.0.0.2/tcp/3");
    world.boost_repo = Some(PathBuf::from("~/b"));
    let found = world.discover();
    no_warnings(&found);
    assert_eq!(urls(&found.daemons), ["http://10.0.0.2:1"]);
    assert_eq!(urls(&found.miners), ["http://10.0.0.2:2", "http://10.0.0.3:2"]);
    assert_eq!(urls(&found.boosts), ["http://10.0.0.2:3"]);
}

#[test]
fn api_info_is_a_list_in_order() {
    let found = World::new()
        .with(
            "FULLNODE_API_INFO",
            format!("{JWT}:/ip4/10.0.0.2/tcp/1234/http, s3cr3t:https://api.example/rpc/v1 ,ws://10.0.0.1:1234,"),
        )
        .with("MINER_API_INFO", "a:/ip4/10.0.0.1/tcp/2345,b:/ip4/10.0.0.2/tcp/2345")
        .with("BOOST_API_INFO", "http://me:s3cr3t@10.0.0.3:1288")
        .discover();
    no_warnings(&found);
    assert_eq!(urls(&found.daemons), ["http://10.0.0.2:1234", "https://api.example", "http://10.0.0.1:1234"]);
    assert_eq!(tokens(&found.daemons), [Some(JWT), Some("s3cr3t"), None]);
    assert_eq!(tokens(&found.miners), [Some("a"), Some("b")]);
    assert_eq!(found.boosts[0].credential, Some(Credential::Basic(Secret::new("me:s3cr3t"))));
    assert_eq!(found.boosts[0].url, "http://10.0.0.3:1288");
}

#[test]
fn api_info_in_files() {
    for file_name in ["FULLNODE_API_INFO_FILE", "MINER_API_INFO_FILE", "STORAGE_API_INFO_FILE", "BOOST_API_INFO_FILE"] {
        let name = file_name.trim_end_matches("_FILE");
        let world = World::new().with(file_name, "~/info");
        // As `lotus auth api-info > info` writes it, and two more by hand.
        world.file(
            "info",
            &format!("{name}={JWT}:/ip4/10.0.0.1/tcp/1\n\n t:/ip4/10.0.0.2/tcp/1,/ip4/10.0.0.3/tcp/1\r\n"),
        );
        let found = world.discover();
        no_warnings(&found);
        let all = [found.daemons, found.miners, found.boosts].concat();
        assert_eq!(urls(&all), ["http://10.0.0.1:1", "http://10.0.0.2:1", "http://10.0.0.3:1"]);
        assert_eq!(tokens(&all), [Some(JWT), Some("t"), None]);
        assert_eq!(all[0].source, file_name);
    }
}

#[test]
fn a_file_with_only_comments_means_no_node() {
    let world = World::new().with("BOOST_API_INFO_FILE", "~/none").with("MINER_API_INFO_FILE", "~/two");
    world.file("none", "# None, not even here: t:/ip4/10.0.0.1/tcp/1\n");
    world.file("two", "# mine\nt:/ip4/10.0.0.1/tcp/1\n  # a, b\nt:/ip4/10.0.0.2/tcp/1\n");
    world.repo(".boost", "/ip4/127.0.0.1/tcp/1288/http");
    let found = world.discover();
    no_warnings(&found);
    assert!(found.boosts.is_empty());
    assert_eq!(urls(&found.miners), ["http://10.0.0.1:1", "http://10.0.0.2:1"]);
}

#[test]
fn a_variable_wins_over_its_file() {
    let world = World::new().with("MINER_API_INFO", "/ip4/10.0.0.1/tcp/1").with("MINER_API_INFO_FILE", "~/info");
    world.file("info", "/ip4/10.0.0.2/tcp/1");
    let found = world.discover();
    assert_eq!(urls(&found.miners), ["http://10.0.0.1:1"]);
    one_warning(&found, &["MINER_API_INFO_FILE is ignored", "MINER_API_INFO is set", "unset"]);
}

#[test]
fn unusable_api_info_is_reported_and_not_replaced_by_another_node() {
    // The token is where the path belongs.
    let world = World::new().with("FULLNODE_API_INFO_FILE", format!("{JWT}:/ip4/10.0.0.1/tcp/1"));
    world.repo(".lotus", "/ip4/127.0.0.1/tcp/1234/http");
    let found = world.discover();
    one_warning(&found, &["FULLNODE_API_INFO_FILE", "cannot be read", "path"]);
    assert!(found.daemons.is_empty());

    let world = World::new().with("BOOST_API_INFO_FILE", "~/info");
    world.file("info", "\n");
    one_warning(&world.discover(), &["BOOST_API_INFO_FILE", "boostd auth"]);
}

#[test]
fn a_malformed_entry_is_reported_and_the_rest_is_found() {
    let found = World::new()
        .with(
            "MINER_API_INFO",
            format!("{JWT}:/ip4/10.0.0.1/tcp/2345/http,{JWT},http://u:s3cr3t@/x,a:/ip4/10.0.0.2/tcp/2345/http"),
        )
        .discover();
    assert_eq!(urls(&found.miners), ["http://10.0.0.1:2345", "http://10.0.0.2:2345"]);
    assert_eq!(found.warnings.len(), 2);
    assert_eq!(
        found.warnings[0],
        "MINER_API_INFO entry 2 is not TOKEN:ADDRESS (the address is neither a multiaddr nor a URL): \
         expected e.g. TOKEN:/ip4/127.0.0.1/tcp/2345/http"
    );
    assert!(found.warnings[1].contains("entry 3"));

    let found = World::new().with("FULLNODE_API_INFO", "s3cr3t:/unix/run/lotus.sock").discover();
    one_warning(&found, &["FULLNODE_API_INFO entry 1", "not supported", "tcp/1234"]);
}

#[test]
fn empty_variables_count_as_unset() {
    let world = World::new()
        .with("FULLNODE_API_INFO", "")
        .with("FULLNODE_API_INFO_FILE", " ")
        .with("LOTUS_PATH", "")
        .with("MARKETS_API_INFO", "");
    world.repo(".lotus", "/ip4/127.0.0.1/tcp/1234/http");
    let found = world.discover();
    no_warnings(&found);
    assert_eq!(urls(&found.daemons), ["http://127.0.0.1:1234"]);
}

#[test]
fn markets_get_a_hint() {
    let found = World::new().with("MARKETS_API_INFO", "s3cr3t:/ip4/10.0.0.1/tcp/2345/http").discover();
    one_warning(&found, &["MARKETS_API_INFO", "v1.27.1", "BOOST_API_INFO"]);
    assert!(found.miners.is_empty() && found.boosts.is_empty());
}

#[test]
fn the_same_node_is_found_once() {
    let found = World::new()
        .with("FULLNODE_API_INFO", "a:/ip4/0.0.0.0/tcp/1234/http,b:http://127.0.0.1:1234/rpc/v1,ws://127.0.0.1:1235")
        .with("MINER_API_INFO", "http://127.0.0.1:1234")
        .discover();
    assert_eq!(urls(&found.daemons), ["http://127.0.0.1:1234", "http://127.0.0.1:1235"]);
    assert_eq!(token(&found.daemons[0]), Some("a"));
    assert_eq!(urls(&found.miners), ["http://127.0.0.1:1234"]);
}

#[test]
fn a_node_that_is_down_stays_in_sight() {
    // Stopped: the repo is there, with its token, but without `api`.
    let world = World::new();
    for repo in [".lotus", ".lotusminer", ".boost"] {
        world.file(&format!("{repo}/token"), &token_of(repo));
    }
    let found = world.discover();
    assert_eq!(urls(&found.daemons), ["http://127.0.0.1:1234"]);
    assert_eq!(urls(&found.miners), ["http://127.0.0.1:2345"]);
    assert_eq!(urls(&found.boosts), ["http://127.0.0.1:1288"]);
    // Who knows what listens there instead: it must not be shown a token.
    assert_eq!(token(&found.miners[0]), None);
    assert_eq!(found.warnings.len(), 3);
    for (warning, parts) in found.warnings.iter().zip([
        [".lotus/api", "is lotus running?"],
        [".lotusminer/api", "is lotus-miner running?"],
        [".boost/api", "is boostd running?"],
    ]) {
        assert!(parts.iter().all(|part| warning.contains(part)), "{warning}");
    }

    // Named, but not there at all.
    let found = World::new().with("LOTUS_PATH", "/nowhere/lotus").discover();
    one_warning(&found, &["/nowhere/lotus/api", "correct the path"]);
    assert_eq!(urls(&found.daemons), ["http://127.0.0.1:1234"]);
    assert_eq!(found.daemons[0].credential, None);
}

#[test]
fn an_api_file_without_an_address_is_reported() {
    for content in ["", "s3cr3t", "/ip4/127.0.0.1"] {
        let world = World::new();
        world.repo(".lotusminer", content);
        let found = world.discover();
        one_warning(&found, &[".lotusminer/api", "not hold an address", "restart lotus-miner"]);
        assert_eq!(urls(&found.miners), ["http://127.0.0.1:2345"]);
    }
}

#[test]
fn a_miner_that_is_down_is_not_a_duplicate_of_one_at_its_address() {
    let mut world = World::new();
    world.file("down/token", &token_of("down"));
    world.miner_repos = vec![world.path("down"), world.repo("running", "/ip4/127.0.0.1/tcp/2345/http")];
    let found = world.discover();
    no_warnings(&found);
    assert_eq!(urls(&found.miners), ["http://127.0.0.1:2345", ""]);
    assert_eq!(token(&found.miners[0]), Some("eyJ.running.x"));
    let down = &found.miners[1];
    assert_eq!(down.address(), world.path("down").display().to_string());
    let why = down.gone.as_ref().unwrap();
    assert!(why.contains("down/api cannot be read") && why.contains("running"), "{why}");

    // Its own configuration knows better.
    world.file("down/config.toml", "[API]\n  ListenAddress = \"/ip4/127.0.0.1/tcp/2346/http\"\n[Other]\n");
    let found = world.discover();
    one_warning(&found, &["down/api", "127.0.0.1:2346 is tried"]);
    assert_eq!(urls(&found.miners), ["http://127.0.0.1:2345", "http://127.0.0.1:2346"]);
    assert_eq!(token(&found.miners[1]), None);
}

#[test]
fn entries_are_stripped_of_what_was_copied_along() {
    for entry in [
        format!("STORAGE_API_INFO={JWT}:/ip4/10.0.0.1/tcp/2345/http"),
        format!("export MINER_API_INFO=\"{JWT}:/ip4/10.0.0.1/tcp/2345/http\""),
        format!("'{JWT}:/ip4/10.0.0.1/tcp/2345/http'"),
        format!("export api_info='{JWT}:/ip4/10.0.0.1/tcp/2345/http'"),
        format!("MINER1={JWT}:/ip4/10.0.0.1/tcp/2345/http"),
        format!("\u{feff}export\tMINER_API_INFO = '{JWT}:/ip4/10.0.0.1/tcp/2345/http' "),
    ] {
        let found = World::new().with("MINER_API_INFO", entry).discover();
        no_warnings(&found);
        assert_eq!(urls(&found.miners), ["http://10.0.0.1:2345"]);
        assert_eq!(tokens(&found.miners), [Some(JWT)]);
    }
    let of_daemon = format!("FULLNODE_API_INFO={JWT}:/ip4/10.0.0.1/tcp/1234/http");
    let found = World::new().with("MINER_API_INFO", of_daemon).discover();
    one_warning(&found, &["MINER_API_INFO entry 1", "FULLNODE_API_INFO=", "lotus-miner auth api-info"]);
    assert!(found.miners.is_empty());
}

#[test]
fn a_token_may_end_in_padding() {
    let found = World::new().with("MINER_API_INFO", "c2VjcmV0==:/ip4/10.0.0.1/tcp/2345/http").discover();
    no_warnings(&found);
    assert_eq!(tokens(&found.miners), [Some("c2VjcmV0==")]);
}

#[test]
fn an_endless_file_is_not_read_for_ever() {
    let found = World::new().with("MINER_API_INFO_FILE", "/dev/zero").discover();
    one_warning(&found, &["MINER_API_INFO_FILE", "/dev/zero", "more than 1048576 bytes"]);
}

#[test]
fn an_unreadable_token_is_reported_and_the_node_still_found() {
    // A folder in its place is unreadable even for root, who runs tests in containers.
    let world = World::new();
    world.file(".lotus/api", "/ip4/127.0.0.1/tcp/1234/http");
    fs::create_dir(world.path(".lotus/token")).unwrap();
    let uid = fs::metadata(world.path(".lotus/token")).unwrap().uid();
    let found = world.discover();
    one_warning(&found, &[".lotus/token cannot be read", &format!("uid {uid}"), "FULLNODE_API_INFO"]);
    assert_eq!(urls(&found.daemons), ["http://127.0.0.1:1234"]);
    assert_eq!(found.daemons[0].credential, None);
}

#[test]
fn a_token_file_without_a_token_is_reported() {
    for content in ["", "s3cr3t s3cr3t", "s3cr3t\nX-Header: 1"] {
        let world = World::new();
        world.repo(".lotus", "/ip4/127.0.0.1/tcp/1234/http");
        world.file(".lotus/token", content);
        let found = world.discover();
        one_warning(&found, &[".lotus/token contains no token"]);
        assert_eq!(found.daemons[0].credential, None);
    }
}

#[test]
fn a_token_that_others_can_read_is_reported_and_used() {
    for mode in [0o600, 0o400, 0o711, 0o622, 0o640, 0o604, 0o644] {
        let warned = [0o640, 0o604, 0o644].contains(&mode);
        let world = World::new();
        world.repo(".lotus", "/ip4/127.0.0.1/tcp/1234/http");
        let path = world.path(".lotus/token");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let found = world.discover();
        if warned {
            one_warning(&found, &[&format!("chmod 600 {}", path.display())]);
        } else {
            no_warnings(&found);
        }
        assert_eq!(token(&found.daemons[0]), Some("eyJ.lotus.x"));
    }
}

#[test]
fn the_token_file_is_optional_and_wins_over_the_user_of_a_url() {
    for (api, without_token) in [
        ("/ip4/10.0.0.1/tcp/1234", None),
        ("http://me:s3cr3t@10.0.0.1:1234", Some(Credential::Basic(Secret::new("me:s3cr3t")))),
    ] {
        let world = World::new();
        world.repo(".lotus", api);
        assert_eq!(token(&world.discover().daemons[0]), Some("eyJ.lotus.x"));

        fs::remove_file(world.path(".lotus/token")).unwrap();
        let found = world.discover();
        no_warnings(&found);
        assert_eq!(found.daemons[0].credential, without_token);
    }
}

#[test]
fn without_a_home_there_are_no_default_repos() {
    let found = discover(&Places::of_env(&|name| (name == "LOTUS_PATH").then(|| "~/repo".to_owned())));
    one_warning(&found, &["~/repo/api"]);
    assert_eq!(urls(&found.daemons), ["http://127.0.0.1:1234"]);
    assert!(found.miners.is_empty() && found.boosts.is_empty());
}

#[test]
fn addresses_for_the_label() {
    for (info, address) in [
        ("/ip4/10.0.0.1/tcp/1234/http", "10.0.0.1:1234"),
        ("/ip6/2001:db8::1/tcp/1234/http", "[2001:db8::1]:1234"),
        ("https://[2001:db8::1]/lotus", "[2001:db8::1]:443"),
        ("https://u:p@api.example:8443/a:b/c", "api.example:8443"),
        ("wss://api.example", "api.example:443"),
        ("/dns/api.example/https", "api.example:443"),
        // A public provider's key in the path: World::discover looks for it in Debug.
        ("http://api.example/s3cr3t", "api.example:80"),
    ] {
        let found = World::new().with("FULLNODE_API_INFO", info).discover();
        assert_eq!(found.daemons[0].address(), address, "{info}");
        assert!(format!("{found:?}").contains(address));
    }
}

fn graphql_urls(found: &Found) -> Vec<&str> {
    found.boosts.iter().map(|boost| boost.graphql.as_ref().unwrap().url.as_str()).collect()
}

#[test]
fn boosts_graphql_address_is_in_its_configuration() {
    for (config, url) in [
        ("", "http://127.0.0.1:8080"),
        ("[Graphql]\n  #ListenAddress = \"10.0.0.1\"\n  #Port = 9999\n", "http://127.0.0.1:8080"),
        (
            "[API]\nPort = 1\n[ Graphql ] # UI\n ListenAddress='10.0.0.1' # x\n Port=8081 # y\n[Other]\nPort = 2\n",
            "http://10.0.0.1:8081",
        ),
        ("[Graphql]\nListenAddress = \"0.0.0.0\"\n", "http://127.0.0.1:8080"),
        ("[Graphql]\nListenAddress = \"::\"\nPort = 8088\n", "http://[::1]:8088"),
        ("[Graphql.Old]\nPort = 3\n", "http://127.0.0.1:8080"),
        ("Port = 4\n", "http://127.0.0.1:8080"),
    ] {
        let world = World::new();
        world.repo(".boost", "/ip4/127.0.0.1/tcp/1288/http");
        world.file(".boost/config.toml", config);
        let found = world.discover();
        no_warnings(&found);
        assert_eq!(graphql_urls(&found), [url], "{config}");
        assert_eq!(found.boosts[0].graphql.as_ref().unwrap().credential, None, "it needs no token");
    }
    for config in ["[Graphql]\nPort = \"many\"\n", "[Graphql]\nPort = 0\n", "[Graphql]\nListenAddress = \"a b\"\n"] {
        let world = World::new();
        world.repo(".boost", "/ip4/127.0.0.1/tcp/1288/http");
        world.file(".boost/config.toml", config);
        let found = world.discover();
        one_warning(&found, &[".boost/config.toml", "BOOST_GRAPHQL_URL"]);
        assert_eq!(graphql_urls(&found), ["http://127.0.0.1:8080"]);
    }
}

#[test]
fn boosts_graphql_address_without_a_repo() {
    let world = World::new().with("BOOST_API_INFO", "t:/ip4/10.0.0.3/tcp/1288/http,/ip6/::1/tcp/1288");
    assert_eq!(graphql_urls(&world.discover()), ["http://10.0.0.3:8080", "http://[::1]:8080"]);

    let world =
        world.with("BOOST_GRAPHQL_URL", "https://me:s3cr3t@boost.example/ui/graphql/query, /ip4/10.0.0.4/tcp/81");
    let found = world.discover();
    no_warnings(&found);
    assert_eq!(graphql_urls(&found), ["https://boost.example/ui", "http://10.0.0.4:81"]);
    let basic = Credential::Basic(Secret::new("me:s3cr3t"));
    assert_eq!(found.boosts[0].graphql.as_ref().unwrap().credential, Some(basic));

    let world = World::new().with("BOOST_GRAPHQL_URL", "s3cr3t");
    one_warning(&world.discover(), &["BOOST_GRAPHQL_URL", "no Boost", "BOOST_API_INFO"]);
    world.repo(".boost", "/ip4/10.0.0.1/tcp/1288");
    let found = world.discover();
    one_warning(&found, &["BOOST_GRAPHQL_URL entry 1", "http://127.0.0.1:8080"]);
    assert_eq!(graphql_urls(&found), ["http://127.0.0.1:8080"]);
}
