//! The Prometheus that runs here: whether it has the exporter's metrics, and whether its target is up.

use serde::Deserialize;

use super::http;
use super::processes::{self, Process, reachable};
use crate::check::findings::{Findings, Mark, Section};

const HERE: Section = Section::Prometheus;

const DEFAULT_LISTEN: &str = "0.0.0.0:9090";

/// So many are asked.
const MAX_ASKED: usize = 2;

/// Adds what is found. `ports` are those of the node_exporters here.
pub fn add(ports: &[String], findings: &mut Findings) {
    for process in processes::running(&["prometheus"]).into_iter().take(MAX_ASKED) {
        if process.is_contained {
            let what = format!("Prometheus (pid {}) runs in a container, and is not asked", process.pid);
            findings.add(HERE, Mark::Remark, what);
            continue;
        }
        let Some(url) = url(&process) else {
            let what = format!("Prometheus (pid {}) has a --web.config.file, and is not asked", process.pid);
            findings.add(HERE, Mark::Remark, what);
            continue;
        };
        let address = url.trim_start_matches("http://").to_owned();
        let answers = query(&url, "farcaster_run_timestamp_seconds").and_then(|runs| Ok((runs, query(&url, "up")?)));
        match answers {
            Ok((runs, targets)) => judge(&address, &runs, &targets, ports, findings),
            Err(error) => {
                findings.add(HERE, Mark::Remark, format!("Prometheus (pid {}) at {address} {error}", process.pid));
            }
        }
    }
}

fn judge(address: &str, runs: &[Sample], targets: &[Sample], ports: &[String], findings: &mut Findings) {
    let port = |target: &Sample| target.metric.instance.rsplit_once(':').map(|(_, port)| port.to_owned());
    for target in targets.iter().filter(|target| target.number() == Some(0.0)) {
        let is_ours = port(target).is_some_and(|port| ports.contains(&port));
        let mark = if is_ours { Mark::Wrong } else { Mark::Remark };
        let what = format!(
            "the target {} (job {}) of Prometheus at {address} is down: its page /targets shows why",
            target.metric.instance, target.metric.job
        );
        findings.add(HERE, mark, what);
    }
    if runs.is_empty() {
        let what = format!(
            "Prometheus at {address} has no metrics of the exporter: is the node_exporter that reads the text file one of its targets?"
        );
        findings.add(HERE, Mark::Wrong, what);
    }
    for run in runs {
        let what = format!(
            "Prometheus at {address} has the exporter's metrics of {} (job {})",
            run.metric.instance, run.metric.job
        );
        findings.add(HERE, Mark::Right, what);
    }
}

/// Where its API is; None if it requires more than a plain request.
fn url(process: &Process) -> Option<String> {
    if !process.values("web.config.file").is_empty() {
        return None;
    }
    let listen = process.values("web.listen-address").first().copied().unwrap_or(DEFAULT_LISTEN);
    // By default, the prefix is the path of the external URL.
    let external = process.values("web.external-url").first().and_then(|url| url.split_once("://"));
    let external = external.and_then(|(_, rest)| rest.split_once('/')).map(|(_, path)| path);
    let prefix = process.values("web.route-prefix").first().copied().or(external).unwrap_or_default().trim_matches('/');
    let prefix = if prefix.is_empty() { String::new() } else { format!("/{prefix}") };
    Some(format!("http://{}{prefix}", reachable(listen)))
}

#[derive(Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    result: Vec<Sample>,
}

#[derive(Deserialize)]
struct Sample {
    metric: Metric,
    value: (f64, String),
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metric {
    instance: String,
    job: String,
}

impl Sample {
    fn number(&self) -> Option<f64> {
        self.value.1.parse().ok()
    }
}

fn query(url: &str, query: &str) -> Result<Vec<Sample>, String> {
    let mut body = String::new();
    http::lines(&format!("{url}/api/v1/query?query={query}"), |line| body.push_str(line))?;
    let answer: Answer = serde_json::from_str(&body).map_err(|_| "does not answer as Prometheus does".to_owned())?;
    Ok(answer.data.result)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(args: &[&str]) -> Process {
        let args = ["prometheus"].iter().chain(args).map(|arg| (*arg).to_owned()).collect();
        Process { pid: 1, args, uid: 0, groups: Vec::new(), is_contained: false }
    }

    #[test]
    fn where_its_api_is() {
        for (args, expected) in [
            (&[][..], Some("http://127.0.0.1:9090")),
            (&["--web.listen-address=10.0.0.5:9099"], Some("http://10.0.0.5:9099")),
            (&["--web.external-url=https://a.example/prometheus/"], Some("http://127.0.0.1:9090/prometheus")),
            (&["--web.external-url=https://a.example/p", "--web.route-prefix=/"], Some("http://127.0.0.1:9090")),
            (&["--web.config.file=web.yml"], None),
        ] {
            assert_eq!(url(&process(args)).as_deref(), expected, "{args:?}");
        }
    }

    #[test]
    fn only_the_own_target_is_wrong() {
        let sample = |instance: &str, value: &str| Sample {
            metric: Metric { instance: instance.to_owned(), job: "node".to_owned() },
            value: (0.0, value.to_owned()),
        };
        let mut findings = Findings::default();
        let targets = [sample("localhost:9100", "0"), sample("elsewhere:1", "0"), sample("b:2", "1")];
        judge("p", &[sample("localhost:9100", "1")], &targets, &["9100".to_owned()], &mut findings);
        let marks: Vec<_> = findings.all.iter().map(|finding| finding.mark).collect();
        assert_eq!(marks, [Mark::Wrong, Mark::Remark, Mark::Right]);
        let mut findings = Findings::default();
        judge("p", &[], &targets[2..], &[], &mut findings);
        assert!(findings.is_anything_wrong());
    }
}
