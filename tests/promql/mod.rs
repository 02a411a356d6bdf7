//! What a PromQL expression selects, and whether the exporter has it.

#![allow(dead_code, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use lotus_farcaster::expose::{Description, Kind, families};
use promql_parser::label::{MatchOp, Matchers};
use promql_parser::parser::{self, AggregateExpr, BinaryExpr, Expr, LabelModifier};
use promql_parser::util::{ExprVisitor, walk_expr};

/// Labels that a series gets on its way through Prometheus, and those of its alerts.
const OF_PROMETHEUS: [&str; 6] = ["site", "job", "instance", "alertname", "alertstate", "severity"];

/// Families of other exporters: by name, or by a prefix that ends in `_`.
const OF_OTHERS: [&str; 9] =
    ["curio_", "node_", "prometheus_", "alertmanager_", "vmalert_", "process_", "up", "ALERTS", "ALERTS_FOR_STATE"];

/// What the user may record in own.yaml.
const OF_THE_USER: [&str; 5] = [
    "own:farcaster_threshold:value",
    "own:farcaster_alert_off:info",
    "own:farcaster_site:info",
    "own:farcaster_miner:info",
    "own:farcaster_machine:info",
];

/// A selector: the name of a metric and what its labels must be.
pub struct Selector {
    pub name: String,
    matchers: Matchers,
}

impl Selector {
    /// Whether there is any condition on a label, if only that it exists.
    pub fn has(&self, label: &str) -> bool {
        self.matchers.matchers.iter().any(|matcher| matcher.name == label)
    }

    /// The labels that must have one value.
    pub fn labels(&self) -> BTreeMap<String, String> {
        let equal = self.matchers.matchers.iter().filter(|matcher| matcher.op == MatchOp::Equal);
        equal.map(|matcher| (matcher.name.clone(), matcher.value.clone())).collect()
    }

    /// The values that a matcher allows for a label: one, or several between bars, which may share what is outside parentheses.
    pub fn alternatives(&self, label: &str) -> Vec<String> {
        let is_asked = |matcher: &&promql_parser::label::Matcher| {
            matcher.name == label && matches!(matcher.op, MatchOp::Equal | MatchOp::Re(_))
        };
        let asked = self.matchers.matchers.iter().filter(is_asked);
        asked.flat_map(|matcher| spelled_out(&matcher.value)).collect()
    }

    /// The family of the exporter, of which a summary's `_sum` and `_count` are a part.
    pub fn family(&self) -> Option<&'static Description> {
        families::ALL.iter().find(|family| {
            let is_part = |suffix| self.name.strip_suffix(suffix) == Some(family.name);
            family.name == self.name || (family.kind == Kind::Summary && (is_part("_sum") || is_part("_count")))
        })
    }
}

/// `a(b|c)d|e` as `abd`, `acd` and `e`.
fn spelled_out(pattern: &str) -> Vec<String> {
    let (mut depth, mut parts) = (0, vec![String::new()]);
    for character in pattern.chars() {
        depth += i32::from(character == '(') - i32::from(character == ')');
        match character {
            '|' if depth == 0 => parts.push(String::new()),
            _ => parts.last_mut().unwrap().push(character),
        }
    }
    let spelled = |part: String| match part.split_once('(').zip(part.rsplit_once(')')) {
        Some(((start, _), (_, end))) => {
            let inner = &part[start.len() + 1..part.len() - end.len() - 1];
            spelled_out(inner).into_iter().map(|one| format!("{start}{one}{end}")).collect()
        }
        None => vec![part],
    };
    parts.into_iter().flat_map(spelled).collect()
}

/// All selectors of an expression, and all labels that it groups or joins by.
#[derive(Default)]
pub struct Query {
    pub selectors: Vec<Selector>,
    /// The labels of each `by` and `on`.
    pub joined: Vec<Vec<String>>,
    labels: Vec<String>,
    /// Labels that the expression makes.
    made: Vec<String>,
}

impl Query {
    /// Reads an expression; the error says where it is wrong.
    pub fn parse(expression: &str) -> Result<Query, String> {
        let parsed = parser::parse(expression).map_err(|error| format!("{error} in {expression}"))?;
        let mut query = Query::default();
        walk_expr(&mut query, &parsed).unwrap();
        Ok(query)
    }

    /// Whatever the expression selects that the exporter, the rules (`recorded`) and other exporters do not have.
    pub fn unknown(&self, recorded: &[String]) -> Vec<String> {
        let mut unknown = Vec::new();
        for selector in &self.selectors {
            let name = &selector.name;
            let is_others = recorded.contains(name)
                || OF_THE_USER.contains(&name.as_str())
                || OF_OTHERS.iter().any(|known| name == known || (known.ends_with('_') && name.starts_with(known)));
            match selector.family() {
                Some(family) => {
                    let labels = selector.matchers.matchers.iter().map(|matcher| matcher.name.as_str());
                    let own = |label: &str| family.labels.contains(&label) || is_quantile(family, label);
                    let strange = labels.filter(|label| !own(label) && !OF_PROMETHEUS.contains(label));
                    unknown.extend(strange.map(|label| format!("{name} has no label {label}")));
                }
                None if is_others => {}
                None => unknown.push(format!("there is no {name:?}")),
            }
        }
        let only_own = self.selectors.iter().all(|selector| selector.family().is_some());
        let known = |label: &str| {
            OF_PROMETHEUS.contains(&label)
                || self.made.iter().any(|made| made == label)
                || families::ALL.iter().any(|family| family.labels.contains(&label) || is_quantile(family, label))
        };
        let strange = self.labels.iter().filter(|label| only_own && !known(label));
        unknown.extend(strange.map(|label| format!("no family has a label {label}")));
        unknown
    }
}

/// The names that the recording rules record.
pub fn recorded() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("compose/prometheus/rules");
    let texts = fs::read_dir(folder).unwrap().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap());
    let names = |text: String| -> Vec<String> {
        text.lines().filter_map(|line| line.trim().strip_prefix("- record: ").map(str::to_owned)).collect()
    };
    texts.flat_map(names).collect()
}

fn is_quantile(family: &Description, label: &str) -> bool {
    family.kind == Kind::Summary && label == "quantile"
}

impl ExprVisitor for Query {
    type Error = String;

    fn pre_visit(&mut self, expression: &Expr) -> Result<bool, String> {
        let selector = match expression {
            Expr::VectorSelector(selector) => Some(selector),
            Expr::MatrixSelector(selector) => Some(&selector.vs),
            _ => None,
        };
        if let Some(selector) = selector {
            // Of several names, what they have in common.
            let pattern = selector.matchers.matchers.iter().find(|matcher| matcher.name == "__name__");
            let name = selector.name.clone().or_else(|| Some(pattern?.value.trim_end_matches(".+").to_owned()));
            let name = name.unwrap_or_default();
            self.selectors.push(Selector { name, matchers: selector.matchers.clone() });
        }
        if let Expr::Aggregate(AggregateExpr { param: Some(param), .. }) = expression
            && let Expr::StringLiteral(label) = &**param
        {
            self.made.push(label.val.clone());
        }
        if let Expr::Call(call) = expression
            && ["label_replace", "label_join"].contains(&call.func.name)
            && let Some(Expr::StringLiteral(label)) = call.args.args.get(1).map(|label| &**label)
        {
            self.made.push(label.val.clone());
        }
        let groups = match expression {
            Expr::Aggregate(AggregateExpr { modifier, .. }) => modifier.as_ref(),
            Expr::Binary(BinaryExpr { modifier, .. }) => modifier.as_ref().and_then(|it| it.matching.as_ref()),
            _ => None,
        };
        if let Some(LabelModifier::Include(labels)) = groups {
            self.joined.push(labels.labels.clone());
        }
        match expression {
            Expr::Aggregate(AggregateExpr { modifier: Some(by), .. }) => {
                self.labels.extend(by.labels().labels.iter().cloned());
            }
            Expr::Binary(BinaryExpr { modifier: Some(modifier), .. }) => {
                let on = modifier.matching.iter().map(|matching| matching.labels());
                let joined = on.chain(modifier.card.labels()).flat_map(|labels| labels.labels.iter().cloned());
                self.labels.extend(joined);
            }
            _ => {}
        }
        Ok(true)
    }
}
