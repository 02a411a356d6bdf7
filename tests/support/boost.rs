//! A Boost over HTTP: GraphQL's answers to root fields, one a line, and JSON-RPC, at one port. A test replaces single answers, and sees what
//! was asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::http::{Reply, Request, Server};

/// What a field answers.
#[derive(Clone, Debug)]
pub enum Told {
    Value(Value),
    /// Null, with this error.
    Failure(String),
    /// Nothing at all, because the field must not be null.
    FailureOfAll(String),
    /// The schema has no such field.
    Unknown,
}

/// A Boost that listens on a port of its own until it is dropped.
pub struct Boost {
    pub port: u16,
    shared: Arc<Shared>,
    _server: Server,
}

#[derive(Default)]
struct Shared {
    fields: Mutex<BTreeMap<String, Told>>,
    bandwidth: Mutex<Value>,
    requests: Mutex<Vec<(String, String)>>,
}

impl Boost {
    /// One that has a bit of everything.
    pub fn start() -> Boost {
        let shared = Arc::new(Shared::default());
        let served = shared.clone();
        let server = Server::start(move |request| served.serve(request)).unwrap();
        let boost = Boost { port: server.port, shared, _server: server };
        *boost.shared.bandwidth.lock().unwrap() =
            json!({"TotalIn": 1000, "TotalOut": 2000, "RateIn": 1.5, "RateOut": 2.5});
        for (field, value) in fixture().as_object().unwrap() {
            boost.tell(field, value.clone());
        }
        boost
    }

    /// Makes a field answer this; the numbers of deals are `deals` and `directDeals` with the checkpoint and, in `deals`, whether they are
    /// offline, like `deals Accepted true`.
    pub fn tell(&self, field: &str, value: Value) -> &Boost {
        self.answer(field, Told::Value(value))
    }

    pub fn answer(&self, field: &str, told: Told) -> &Boost {
        self.shared.fields.lock().unwrap().insert(field.to_owned(), told);
        self
    }

    /// A Boost without deals, money or space.
    pub fn empty(&self) -> &Boost {
        let mut fields = self.shared.fields.lock().unwrap();
        for (field, told) in fields.iter_mut() {
            if field.contains(' ') {
                *told = Told::Value(json!({"totalCount": 0}));
            }
        }
        drop(fields);
        let zero = json!({"__typename": "BigInt", "n": "0"});
        self.tell("dealPublish", json!({"Start": "0001-01-01T00:00:00Z", "Period": 0, "Deals": null}))
            .tell(
                "funds",
                json!({"Escrow": {"Available": zero, "Locked": zero, "Tagged": zero},
                "Collateral": {"Balance": zero}, "PubMsg": {"Balance": zero, "Tagged": zero}}),
            )
            .tell("storage", json!({"Staged": zero, "Transferred": zero, "Pending": zero, "Free": zero}))
            .tell("transfers", Value::Null)
            .tell("transferStats", json!({"Stats": null}))
            .tell("storageAsk", Value::Null)
    }

    /// The paths and bodies of all requests so far.
    pub fn requests(&self) -> Vec<(String, String)> {
        self.shared.requests.lock().unwrap().clone()
    }

    pub fn api_info(&self) -> String {
        format!("/ip4/127.0.0.1/tcp/{}/http", self.port)
    }

    pub fn graphql_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Shared {
    fn serve(&self, request: &Request) -> Reply {
        self.requests.lock().unwrap().push((request.path.clone(), request.body.clone()));
        let body: Value = serde_json::from_str(&request.body).unwrap();
        match request.path.as_str() {
            "/graphql/query" => Reply::new(200, self.graphql(body["query"].as_str().unwrap()).to_string()),
            "/rpc/v0" => Reply::new(200, self.rpc(&body).to_string()),
            _ => Reply::new(404, "404 page not found\n"),
        }
    }

    fn rpc(&self, batch: &Value) -> Value {
        let answers = batch.as_array().unwrap().iter().map(|call| {
            let result = match call["method"].as_str().unwrap() {
                "Filecoin.NetPeers" => json!([{"ID": "12D3a", "Addrs": []}, {"ID": "12D3b", "Addrs": []}]),
                "Filecoin.NetBandwidthStats" => self.bandwidth.lock().unwrap().clone(),
                other => panic!("{other}"),
            };
            json!({"jsonrpc": "2.0", "id": call["id"], "result": result})
        });
        answers.collect()
    }

    fn graphql(&self, query: &str) -> Value {
        let fields = self.fields.lock().unwrap();
        let (mut data, mut errors, mut is_null, mut is_invalid) = (json!({}), Vec::new(), false, false);
        for (line, number) in query.lines().zip(1..) {
            let Some((key, rest)) = line.split_once(':') else {
                continue;
            };
            let told = &fields[&field_of(rest)];
            let error = |message: &String| json!({"message": message, "path": [key]});
            match told {
                Told::Value(value) => data[key] = value.clone(),
                Told::Failure(message) => {
                    data[key] = Value::Null;
                    errors.push(error(message));
                }
                Told::FailureOfAll(message) => {
                    is_null = true;
                    errors.push(error(message));
                }
                Told::Unknown => {
                    is_invalid = true;
                    let name = field_of(rest);
                    let name = name.split(' ').next().unwrap();
                    let message = format!("Cannot query field \"{name}\" on type \"RootQuery\".");
                    errors.push(json!({"message": message, "locations": [{"line": number, "column": 1}]}));
                }
            }
        }
        match (errors.is_empty(), is_invalid, is_null) {
            (true, ..) => json!({"data": data}),
            (false, true, _) => json!({"errors": errors}),
            (false, false, true) => json!({"data": null, "errors": errors}),
            (false, false, false) => json!({"data": data, "errors": errors}),
        }
    }
}

/// The key of [`Shared::fields`] that a line like `deals(filter:{Checkpoint:Accepted,IsOffline:true},limit:1){totalCount}` asks for.
fn field_of(line: &str) -> String {
    let name = line.split(['(', '{']).next().unwrap();
    let filter = |key: &str| line.split(&format!("{key}:")).nth(1).map(|rest| rest.split([',', '}']).next().unwrap());
    [Some(name), filter("Checkpoint"), filter("IsOffline")].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Recorded shapes: every number of 64 bits and more is an object with `n`.
fn fixture() -> Value {
    let n = |number: &str| json!({"__typename": "BigInt", "n": number});
    let mut fields = json!({
        "minerAddress": {"MinerID": "f01234", "IsCurio": false},
        "dealPublish": {"ManualPSD": false, "Period": 3600, "Start": "2026-11-22T09:00:00Z", "MaxDealsPerMsg": 8, "Deals": [
            {"ID": "3f0d2e0c-1c6c-4a35-8b2e-6a6a9f0c8a01", "ClientAddress": "f0300",
                "CreatedAt": "2026-11-22T08:30:00.5Z", "PieceSize": n("34359738368")},
            {"ID": "3f0d2e0c-1c6c-4a35-8b2e-6a6a9f0c8a02", "ClientAddress": "f1abjxfbp274xpdqcpuaykwkfb43omjotacm2p3za",
                "CreatedAt": "2026-11-22T08:40:00Z", "PieceSize": n("17179869184")}]},
        "funds": {
            "Escrow": {"Available": n("2500000000000000000"), "Locked": n("123456789012345678901"), "Tagged": n("1")},
            "Collateral": {"Address": "f3collateral", "Balance": n("7000000000000000000")},
            "PubMsg": {"Address": "f3publish", "Balance": n("500000000000000000"), "Tagged": n("20000000000000000")}},
        "storage": {"Staged": n("68719476736"), "Transferred": n("1073741824"), "Pending": n("2147483648"),
            "Free": n("8796093022208"), "MountPoint": "/srv/boost"},
        "transfers": [{"At": "2026-11-22T09:00:01Z", "Bytes": n("1000")}, {"At": "2026-11-22T09:00:02Z", "Bytes": n("500")}],
        "transferStats": {"HttpMaxConcurrentDownloads": 20, "Stats": [
            {"Host": "data.example:8443", "Total": 5, "Started": 3, "Stalled": 1, "TransferSamples": []}]},
        "storageAsk": {"Price": n("500000000"), "VerifiedPrice": n("0")},
    });
    const CHECKPOINTS: [&str; 7] =
        ["Accepted", "Transferred", "Published", "PublishConfirmed", "AddedPiece", "IndexedAndAnnounced", "Complete"];
    for (checkpoint, number) in CHECKPOINTS.iter().zip(1..) {
        fields[format!("deals {checkpoint} false")] = json!({"totalCount": number});
        fields[format!("deals {checkpoint} true")] = json!({"totalCount": 10 + number});
        fields[format!("directDeals {checkpoint}")] = json!({"totalCount": 20 + number});
    }
    fields
}
