//! The Grafana dashboards: they query only what exists, explain themselves, fit on the screen and need no plugin.

#![allow(clippy::unwrap_used)]

mod promql;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use lotus_farcaster::lotus::sector_state::{Phase, phase, pipeline_states};
use promql::Query;
use serde_json::Value;

const NAMES: [&str; 12] = [
    "blocks-rewards",
    "curio",
    "deals",
    "earnings",
    "fleet",
    "miner",
    "node",
    "pdp",
    "proving",
    "sealing",
    "wallets-gas",
    "workers-storage",
];

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

    /// Every panel that is not a row, including those in rows.
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
    // A label of the operator's own.
    text.replace("$group_by", "owner")
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
                    // The strip covers everything that is monitored, whatever is selected.
                    let has_variable = |name: &str| panel["title"] != "Watched" && has_variable(name);
                    must.extend(family.labels.iter().filter(|label| **label == "miner_id" && has_variable(label)));
                    let missing = must.into_iter().filter(|label| !selector.has(label));
                    wrong.extend(missing.map(|label| format!("{place}: {} is not limited to ${label}", family.name)));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Where sites can be told apart, no query and no join mixes them. What is about all sites, such as the Prometheus in the centre, has no site.
#[test]
fn no_screen_mixes_sites() {
    let mut wrong = Vec::new();
    for dashboard in Dashboard::all() {
        let panels = dashboard.panels().into_iter().flat_map(|panel| {
            let targets = panel["targets"].as_array().into_iter().flatten();
            targets.map(move |target| (panel["title"].to_string(), &target["expr"]))
        });
        let annotations = dashboard.json["annotations"]["list"].as_array().unwrap();
        let annotations = annotations.iter().map(|annotation| (annotation["name"].to_string(), &annotation["expr"]));
        for (title, expression) in panels.chain(annotations) {
            let place = format!("{}: {title}", dashboard.name);
            let query = Query::parse(&filled_in(expression.as_str().unwrap())).unwrap();
            for selector in &query.selectors {
                let site = selector.alternatives("site");
                let is_measured = selector.family().is_some()
                    || selector.name.contains(":farcaster_")
                    || selector.name.starts_with("node_");
                let is_setting =
                    selector.name == "alert:farcaster_threshold:value" || selector.name.starts_with("own:");
                let of_centre = !is_measured || is_setting;
                if site != ["$site"] && !(of_centre && site == ["$site", ""]) {
                    wrong.push(format!("{place}: {} has the site {site:?}", selector.name));
                }
            }
            let mixed = query.joined.iter().filter(|labels| {
                let has = |label: &str| labels.iter().any(|it| it == label);
                (has("job") || has("instance")) && !has("site")
            });
            wrong.extend(mixed.map(|labels| format!("{place}: joined by {labels:?}")));
        }
        let text = dashboard.json.to_string();
        let links = text.match_indices("${job:queryparam}").count();
        assert_eq!(
            text.matches("${site:queryparam}&${job:queryparam}").count(),
            links,
            "{}: a link forgets the site",
            dashboard.name
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// As with the rules: all of a total would be growth where its series is young, on some stores.
#[test]
fn no_young_total_is_taken_for_growth() {
    for dashboard in Dashboard::all() {
        for panel in dashboard.panels() {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let expression = target["expr"].as_str().unwrap();
                let is_growth = ["increase(", "delta("].iter().any(|function| expression.contains(function));
                assert!(!is_growth, "{}: {expression}", dashboard.place(panel));
            }
        }
    }
}

/// An exporter or a collector that is down must not look like one that found nothing: a 0 in place of nothing must come from something
/// that was reported, as in `or 0 * max(farcaster_endpoint_up)`. Only for alerts does nothing mean 0.
#[test]
fn no_zero_is_made_up() {
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
fn panels_are_on_the_grid_and_do_not_overlap() {
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
fn each_has_the_name_of_its_file_and_a_unique_title() {
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
fn all_begin_with_the_same_strip_that_shows_what_is_watched() {
    let dashboards = Dashboard::all();
    let strips: Vec<Vec<Value>> = dashboards.iter().map(strip).collect();
    for (dashboard, strip) in dashboards.iter().zip(&strips) {
        let titles: Vec<_> = strip.iter().map(|panel| panel["title"].as_str().unwrap()).collect();
        assert_eq!(titles, ["Watched", "Alerts firing"], "{}", dashboard.name);
        assert!(strip == &strips[0], "{}: its strip differs from that of {}", dashboard.name, dashboards[0].name);
    }
}

/// The two panels that are on every dashboard, whose place may differ, and whose alerts are of the chosen miners where miners can be chosen.
fn strip(dashboard: &Dashboard) -> Vec<Value> {
    let panels = dashboard.json["panels"].as_array().unwrap();
    let mut strip: Vec<Value> =
        panels.iter().filter(|panel| [1, 2].contains(&panel["id"].as_u64().unwrap())).cloned().collect();
    for panel in &mut strip {
        assert!(panel["gridPos"]["y"].as_u64().unwrap() <= 6, "{}: the strip is not on top", dashboard.name);
        panel["gridPos"]["y"] = Value::Null;
        for target in panel["targets"].as_array_mut().unwrap() {
            let expression = target["expr"].as_str().unwrap().replace(", miner_id=~\"$miner_id|\"", "");
            target["expr"] = Value::String(expression);
        }
    }
    strip
}

#[test]
fn annotations_and_links_are_the_same_everywhere() {
    let of = |dashboard: &Dashboard| {
        let mut shared = serde_json::json!([dashboard.json["annotations"], dashboard.json["links"]]).to_string();
        for chosen in [", miner_id=~\\\"$miner_id\\\"", ", miner_id=~\\\"$miner_id|\\\""] {
            shared = shared.replace(chosen, "");
        }
        shared
    };
    let dashboards = Dashboard::all();
    let first = of(&dashboards[0]);
    assert!(first.contains("Restarts"), "no annotations: {first}");
    for dashboard in &dashboards {
        assert_eq!(of(dashboard), first, "{}", dashboard.name);
        assert_eq!(dashboard.json["schemaVersion"], dashboards[0].json["schemaVersion"], "{}", dashboard.name);
    }
}

/// Thresholds are in thresholds.yaml and nowhere else. Dashboards judge by the alerts themselves, so no numbers can differ.
#[test]
fn no_screen_has_a_threshold_of_its_own() {
    fn steps<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("steps").and_then(Value::as_array).into_iter().flatten());
                fields.values().for_each(|field| steps(field, found));
            }
            Value::Array(elements) => elements.iter().for_each(|element| steps(element, found)),
            _ => {}
        }
    }
    let mut wrong = Vec::new();
    for dashboard in Dashboard::all() {
        for panel in dashboard.panels() {
            let mut found = Vec::new();
            steps(panel, &mut found);
            let coloured = |step: &&&Value| !step["value"].is_null() || step["color"] != "text";
            wrong.extend(found.iter().filter(coloured).map(|step| format!("{}: {step}", dashboard.place(panel))));
            let custom = &panel["fieldConfig"]["defaults"]["custom"];
            if custom.get("thresholdsStyle").is_some_and(|style| style["mode"] != "off") {
                wrong.push(format!("{}: draws thresholds of its own", dashboard.place(panel)));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Each alert that a screen judges by exists, and each threshold that a chart draws is one that its alert compares with.
#[test]
fn screens_judge_by_alerts_that_exist() {
    let rules = Rules::read();
    let mut wrong = Vec::new();
    let mut drawn = BTreeSet::new();
    for dashboard in Dashboard::all() {
        for panel in dashboard.panels() {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let place = format!("{}, {}", dashboard.place(panel), target["refId"]);
                let query = Query::parse(&filled_in(target["expr"].as_str().unwrap())).unwrap();
                for selector in &query.selectors {
                    if selector.name.starts_with("ALERTS") {
                        let names = selector.alternatives("alertname");
                        let unknown =
                            names.iter().filter(|name| !rules.alerts.iter().any(|alert| matches(name, alert)));
                        wrong.extend(unknown.map(|name| format!("{place}: no alert {name}")));
                    }
                    if selector.name == "alert:farcaster_threshold:value" {
                        if !rules.thresholds.contains(&selector.labels()) {
                            wrong.push(format!("{place}: no threshold {:?}", selector.labels()));
                        }
                        drawn.insert(selector.labels()["alert"].clone());
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(drawn.len() > 5, "few charts draw the thresholds of their alerts: {drawn:?}");
}

/// What a judged value is called: green only where rules run and no alert is pending or firing, and red where a critical one fires.
#[test]
fn judged_values_are_green_only_where_no_alert_is_active() {
    let mut judged = 0;
    for dashboard in Dashboard::all() {
        for panel in dashboard.panels() {
            let targets: BTreeMap<&str, &str> = panel["targets"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|target| (target["refId"].as_str().unwrap(), target["expr"].as_str().unwrap()))
                .collect();
            for (name, expression) in &targets {
                let Some(stem) = name.strip_suffix("ok").filter(|stem| stem.is_empty() || stem.ends_with('_')) else {
                    continue;
                };
                if panel["title"] == "Alerts firing" {
                    continue;
                }
                let place = format!("{}: {name}", dashboard.place(panel));
                assert!(expression.contains("alertname=\"FarcasterWatchdog\"}"), "{place}: green without rules");
                assert!(expression.contains("unless on ("), "{place}: green whatever fires");
                for other in ["warning", "critical", "unjudged"] {
                    assert!(targets.contains_key(format!("{stem}{other}").as_str()), "{place}: there is no {other}");
                }
                assert!(targets[format!("{stem}critical").as_str()].contains("severity=\"critical\""), "{place}");
                let colours = colours(panel);
                for (suffix, colour) in
                    [("ok", "green"), ("warning", "orange"), ("critical", "red"), ("unjudged", "text")]
                {
                    assert_eq!(colours.get(&format!("{stem}{suffix}")).map(String::as_str), Some(colour), "{place}");
                }
                judged += 1;
            }
        }
    }
    assert!(judged > 30, "only {judged} values are judged");
}

/// The fixed colour of each query's values.
fn colours(panel: &Value) -> BTreeMap<String, String> {
    let overrides = panel["fieldConfig"]["overrides"].as_array().into_iter().flatten();
    let of_query = overrides.filter(|one| one["matcher"]["id"] == "byFrameRefID");
    let mut colours = BTreeMap::new();
    for one in of_query {
        let colour = one["properties"].as_array().unwrap().iter().find(|property| property["id"] == "color");
        if let Some(colour) = colour {
            let name = one["matcher"]["options"].as_str().unwrap().to_owned();
            colours.insert(name, colour["value"]["fixedColor"].as_str().unwrap().to_owned());
        }
    }
    colours
}

/// Whether an alternative of a regular expression, as far as they are used here, can be this name.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once(".+").or_else(|| pattern.split_once(".*")) {
        Some((start, end)) => name.len() > start.len() && name.starts_with(start) && name.ends_with(end),
        None => pattern == name,
    }
}

/// What the rules have that screens refer to.
struct Rules {
    alerts: BTreeSet<String>,
    thresholds: BTreeSet<BTreeMap<String, String>>,
}

impl Rules {
    fn read() -> Rules {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("compose/prometheus/rules");
        let (mut alerts, mut thresholds) = (BTreeSet::new(), BTreeSet::new());
        for file in fs::read_dir(folder).unwrap() {
            let file: Value = serde_norway::from_str(&fs::read_to_string(file.unwrap().path()).unwrap()).unwrap();
            let groups = file["groups"].as_array().into_iter().flatten();
            for rule in groups.flat_map(|group| group["rules"].as_array().unwrap()) {
                alerts.extend(rule["alert"].as_str().map(str::to_owned));
                if rule["record"] == "alert:farcaster_threshold:value" {
                    thresholds.insert(serde_json::from_value(rule["labels"].clone()).unwrap());
                }
            }
        }
        Rules { alerts, thresholds }
    }
}

#[test]
fn the_same_variables_choose_everywhere() {
    for dashboard in Dashboard::all() {
        let names: Vec<&str> = dashboard.variables().iter().map(|it| it["name"].as_str().unwrap()).collect();
        assert!(names.starts_with(&["datasource", "site", "job"]), "{}: {names:?}", dashboard.name);
        let is_of_miners = !["node", "pdp"].contains(&dashboard.name);
        assert!(names.contains(&"miner_id") || !is_of_miners, "{}: {names:?}", dashboard.name);
        for variable in dashboard.variables().iter().filter(|it| it["type"] == "query") {
            let place = format!("{}: ${}", dashboard.name, variable["name"]);
            assert_eq!(variable["multi"], true, "{place}");
            // The dashboard Miner opens on one miner.
            let opens_on_one = dashboard.name == "miner" && variable["name"] == "miner_id";
            assert_eq!(variable["includeAll"], !opens_on_one, "{place}");
            let query = variable["query"].as_str().or(variable["query"]["query"].as_str()).unwrap();
            let inner = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')')).unwrap();
            let (series, label) = inner.rsplit_once(',').unwrap();
            let query = Query::parse(series).unwrap();
            assert_eq!(query.unknown(&[]), Vec::<String>::new(), "{place}");
            let family = query.selectors[0].family().unwrap();
            let label = label.trim();
            assert!(family.labels.contains(&label) || ["site", "job", "instance"].contains(&label), "{place}");
            // Of a series without a site, too, all is shown.
            assert_eq!(variable["allValue"] == ".*", label == "site", "{place}");
            assert!(query.selectors[0].has("site") || label == "site", "{place} has values of other sites");
        }
    }
}

#[test]
fn links_lead_to_dashboards_that_exist() {
    let uids = NAMES.map(|name| format!("farcaster-{name}"));
    let mut links = 0;
    for dashboard in Dashboard::all() {
        let text = dashboard.json.to_string();
        let alerts_own = "farcaster-${__data.fields.dashboard}?";
        for (_, rest) in text.match_indices("/d/").map(|(at, found)| (at, &text[at + found.len()..])) {
            // Which one that is, tests/rules.rs checks.
            if rest.starts_with(alerts_own) {
                continue;
            }
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

/// Whether a sector is at rest, in motion or failed is what `phase` says. Lists of states diverge sooner or later, so only the panel that separates
/// the steps has any: each state of a sector in motion is of one step.
#[test]
fn each_state_belongs_to_one_step_and_elsewhere_the_phase_counts() {
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
