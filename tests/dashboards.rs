//! The Grafana dashboards: that they ask for what there is, explain themselves, fit on the screen and need no plugin.

#![allow(clippy::unwrap_used)]

mod promql;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use lotus_farcaster::lotus::sector_state::{Phase, phase, pipeline_states};
use promql::Query;
use serde_json::Value;

const NAMES: [&str; 9] =
    ["blocks-rewards", "deals", "fleet", "miner", "node", "proving", "sealing", "wallets-gas", "workers-storage"];

/// Panels that Grafana itself brings, without Angular.
const CORE_PANELS: [&str; 11] = [
    "barchart",
    "bargauge",
    "gauge",
    "heatmap",
    "piechart",
    "stat",
    "state-timeline",
    "status-history",
    "table",
    "text",
    "timeseries",
];

const GRID_COLUMNS: u64 = 24;

struct Dashboard {
    name: &'static str,
    json: Value,
}

impl Dashboard {
    fn all() -> Vec<Dashboard> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards");
        let read = |name| {
            let text = fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
            Dashboard { name, json: serde_json::from_str(&text).unwrap() }
        };
        let files: BTreeSet<String> =
            fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert_eq!(files, NAMES.iter().map(|name| format!("{name}.json")).collect());
        NAMES.into_iter().map(read).collect()
    }

    /// Every panel that is no row, those in rows included.
    fn panels(&self) -> Vec<&Value> {
        let top = self.json["panels"].as_array().unwrap();
        let in_rows = top.iter().filter_map(|panel| panel["panels"].as_array()).flatten();
        top.iter().chain(in_rows).filter(|panel| panel["type"] != "row").collect()
    }

    fn variables(&self) -> &Vec<Value> {
        self.json["templating"]["list"].as_array().unwrap()
    }

    /// Which panel of which dashboard, for messages.
    fn place(&self, panel: &Value) -> String {
        format!("{}: {}", self.name, panel["title"])
    }
}

/// An expression with values in place of Grafana's variables.
fn filled_in(expression: &str) -> String {
    let mut text = expression.to_owned();
    for duration in ["$__rate_interval", "${__rate_interval}", "$__interval", "${__interval}", "$__range", "${__range}"]
    {
        text = text.replace(duration, "5m");
    }
    text
}

#[test]
fn queries_ask_for_what_the_exporter_has_and_for_what_was_chosen() {
    let recorded = promql::recorded();
    let mut wrong = Vec::new();
    for dashboard in Dashboard::all() {
        let has_variable = |name: &str| dashboard.variables().iter().any(|variable| variable["name"] == name);
        for panel in dashboard.panels() {
            let place = dashboard.place(panel);
            for target in panel["targets"].as_array().into_iter().flatten() {
                let query = match Query::parse(&filled_in(target["expr"].as_str().unwrap())) {
                    Ok(query) => query,
                    Err(error) => {
                        wrong.push(format!("{place}: {error}"));
                        continue;
                    }
                };
                wrong.extend(query.unknown(&recorded).into_iter().map(|it| format!("{place}: {it}")));
                for selector in &query.selectors {
                    let Some(family) = selector.family() else { continue };
                    let mut must = vec!["job"];
                    must.extend(family.labels.iter().filter(|label| **label == "miner_id" && has_variable(label)));
                    let missing = must.into_iter().filter(|label| !selector.has(label));
                    wrong.extend(missing.map(|label| format!("{place}: {} is not limited to ${label}", family.name)));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// An exporter or a collector that is down must not look like one that found nothing: a 0 in the place of nothing comes from something that
/// was told, as in `or 0 * max(farcaster_endpoint_up)`. Only that no alert fires is told by nothing.
#[test]
fn no_zero_comes_out_of_nowhere() {
    for dashboard in Dashboard::all() {
        for panel in dashboard.panels() {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let expression = target["expr"].as_str().unwrap();
                let is_made_up = expression.contains("vector(") && !expression.contains("ALERTS");
                assert!(!is_made_up, "{}: {expression}", dashboard.place(panel));
            }
        }
    }
}

#[test]
fn every_panel_has_a_title_a_description_and_a_unit() {
    let mut wrong = Vec::new();
    for dashboard in Dashboard::all() {
        for panel in dashboard.panels() {
            let place = dashboard.place(panel);
            let has = |value: &Value| value.as_str().is_some_and(|text| !text.trim().is_empty());
            if !has(&panel["title"]) {
                wrong.push(format!("{place} {}: no title", panel["id"]));
            }
            if panel["description"].as_str().is_none_or(|text| text.len() <= 20) {
                wrong.push(format!("{place}: no description"));
            }
            if panel["type"] != "text" && !has(&panel["fieldConfig"]["defaults"]["unit"]) {
                wrong.push(format!("{place}: no unit"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn panels_lie_on_the_grid_and_not_on_each_other() {
    for dashboard in Dashboard::all() {
        let mut ids = BTreeSet::new();
        let mut taken: BTreeMap<(u64, u64), String> = BTreeMap::new();
        for panel in dashboard.json["panels"].as_array().unwrap() {
            let place = dashboard.place(panel);
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{place}: its id is another panel's too");
            let [x, y, width, height] = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
            assert!(width > 0 && height > 0 && x + width <= GRID_COLUMNS, "{place}: outside the grid");
            for cell in (x..x + width).flat_map(|x| (y..y + height).map(move |y| (x, y))) {
                if let Some(other) = taken.insert(cell, place.clone()) {
                    panic!("{place} lies on {other}");
                }
            }
        }
    }
}

#[test]
fn each_is_known_by_its_file_name_and_by_a_title_of_its_own() {
    let dashboards = Dashboard::all();
    for dashboard in &dashboards {
        let json = &dashboard.json;
        assert_eq!(json["uid"], format!("farcaster-{}", dashboard.name));
        assert_eq!(json["tags"], serde_json::json!(["lotus-farcaster"]), "{}", dashboard.name);
        assert!(json["title"].as_str().unwrap().starts_with("Farcaster / "), "{}", dashboard.name);
        assert!(json["description"].as_str().is_some_and(|text| text.len() > 20), "{}", dashboard.name);
        assert!(json.get("id").is_none_or(Value::is_null), "{}: an id is of one Grafana only", dashboard.name);
        assert!(json.get("__inputs").is_none(), "{}: provisioning fills in no inputs", dashboard.name);
    }
    let titles: BTreeSet<_> = dashboards.iter().map(|it| it.json["title"].as_str().unwrap()).collect();
    assert_eq!(titles.len(), dashboards.len());
}

#[test]
fn panels_are_core_ones_with_the_chosen_data_source() {
    for dashboard in Dashboard::all() {
        let chosen = serde_json::json!({"type": "prometheus", "uid": "${datasource}"});
        for panel in dashboard.panels() {
            let place = dashboard.place(panel);
            assert!(CORE_PANELS.contains(&panel["type"].as_str().unwrap()), "{place}: {}", panel["type"]);
            if panel["type"] == "text" {
                continue;
            }
            assert_eq!(panel["datasource"], chosen, "{place}");
            let targets = panel["targets"].as_array().unwrap();
            assert!(!targets.is_empty(), "{place}: asks nothing");
            for target in targets {
                assert!(target.get("datasource").is_none_or(|own| *own == chosen), "{place}");
            }
        }
    }
}

#[test]
fn all_begin_with_the_same_strip_that_tells_a_demo_and_old_data() {
    let strip = |dashboard: &Dashboard| dashboard.json["panels"].as_array().unwrap()[..3].to_vec();
    let dashboards = Dashboard::all();
    let first = strip(&dashboards[0]);
    let titles: Vec<_> = first.iter().map(|panel| panel["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ["Data", "Age of the data", "Alerts firing"]);
    for dashboard in &dashboards {
        assert!(strip(dashboard) == first, "{}", dashboard.name);
    }
}

#[test]
fn the_same_variables_choose_everywhere() {
    for dashboard in Dashboard::all() {
        let names: Vec<&str> = dashboard.variables().iter().map(|it| it["name"].as_str().unwrap()).collect();
        assert!(names.starts_with(&["datasource", "job"]), "{}: {names:?}", dashboard.name);
        assert!(names.contains(&"miner_id") || dashboard.name == "node", "{}: {names:?}", dashboard.name);
        for variable in dashboard.variables().iter().filter(|it| it["type"] == "query") {
            let place = format!("{}: ${}", dashboard.name, variable["name"]);
            assert_eq!(variable["multi"], true, "{place}");
            assert_eq!(variable["includeAll"], true, "{place}");
            let query = variable["query"].as_str().or(variable["query"]["query"].as_str()).unwrap();
            let inner = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')')).unwrap();
            let (series, label) = inner.rsplit_once(',').unwrap();
            let query = Query::parse(series).unwrap();
            assert_eq!(query.unknown(&[]), Vec::<String>::new(), "{place}");
            let family = query.selectors[0].family().unwrap();
            let label = label.trim();
            assert!(family.labels.contains(&label) || ["job", "instance"].contains(&label), "{place}");
        }
    }
}

#[test]
fn links_lead_to_dashboards_that_there_are() {
    let uids = NAMES.map(|name| format!("farcaster-{name}"));
    let mut links = 0;
    for dashboard in Dashboard::all() {
        let text = dashboard.json.to_string();
        for (_, rest) in text.match_indices("/d/").map(|(at, found)| (at, &text[at + found.len()..])) {
            let uid: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
            assert!(uids.contains(&uid), "{}: /d/{uid}", dashboard.name);
            links += 1;
        }
        let to_all = &dashboard.json["links"][0];
        assert_eq!(to_all["tags"], serde_json::json!(["lotus-farcaster"]), "{}", dashboard.name);
        assert_eq!(to_all["includeVars"], true, "{}", dashboard.name);
    }
    assert!(links > 0, "no table leads on to a miner");
}

/// Whether a sector is at rest, in motion or failed is what `phase` says. Lists of states differ sooner or later, so only the panel that tells the
/// steps apart has any: each state of a sector in motion is of one step.
#[test]
fn each_state_is_of_one_step_and_elsewhere_its_phase_counts() {
    fn listed<'a>(expressions: &[&'a str], selector: &str) -> Vec<&'a str> {
        let lists = expressions.iter().flat_map(|expression| expression.split(selector).skip(1).collect::<Vec<_>>());
        lists.flat_map(|rest| rest.split('"').next().unwrap().split('|')).collect()
    }
    for dashboard in Dashboard::all() {
        for panel in dashboard.panels() {
            let targets = panel["targets"].as_array().into_iter().flatten();
            let expressions: Vec<&str> = targets.map(|target| target["expr"].as_str().unwrap()).collect();
            let (steps, others) = (listed(&expressions, "state=~\""), listed(&expressions, "state!~\""));
            if panel["title"] != "Sectors by step over time" {
                assert!(steps.is_empty() && others.is_empty(), "{}", dashboard.place(panel));
                continue;
            }
            let in_motion = |state: &&str| matches!(phase(state), Phase::Waiting | Phase::Sealing);
            let expected: BTreeSet<&str> = pipeline_states().into_iter().filter(in_motion).collect();
            assert_eq!(steps.iter().copied().collect::<BTreeSet<_>>(), expected);
            assert_eq!(steps.len(), expected.len(), "a state is of two steps");
            assert_eq!(others, steps);
        }
    }
}
