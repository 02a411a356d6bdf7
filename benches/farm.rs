//! What a run costs: the simulated farm served over HTTP, the real exporter asking it, and tables of what that took: one lotus-miner with
//! more and more sectors, more and more lotus-miners of the same size, and a cluster of Curio.
//!
//! `cargo bench` runs it all; `cargo bench -- 1000 10000` only these numbers of sectors, `cargo bench -- miners` only the second table, and
//! `cargo bench -- curio` only the third. Where the variable EXPORTER names a program, such as the static one, it is measured in place of the
//! one that cargo built.

use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use lotus_farcaster::demo::{self, Farm, Node};
use serde_json::Value;

mod cluster;

#[path = "../tests/support/http.rs"]
mod http;

use http::{Reply, Server};

const SIZES: [u64; 4] = [1_000, 10_000, 100_000, 1_000_000];

/// How many lotus-miners the second table has.
const MINERS: [usize; 3] = [1, 10, 40];

const SECTORS_OF_EACH: u64 = 10_000;

/// CPU time is reported in hundredths of a second, so a steady run is measured as the average of many.
const STEADY_RUNS: u32 = 20;

/// A day of epochs, in pieces of 90.
const RUNS_TO_CATCH_UP: u32 = 34;

/// Each run is a minute after the one before for the nodes, so that messages land between them. They begin hours ago, and end before now.
const SECONDS_BETWEEN_RUNS: u64 = 60;
const NODES_BEHIND_SECONDS: u64 = 4 * 3600;

fn main() -> Result<()> {
    let sizes: Vec<u64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let is_miners_only = std::env::args().any(|argument| argument == "miners");
    if std::env::args().any(|argument| argument == "curio") {
        return cluster::measure();
    }
    if !is_miners_only {
        header("sectors");
        for &sectors in if sizes.is_empty() { &SIZES[..] } else { &sizes } {
            // The first miner of two has three quarters of the sectors.
            measure(&sectors.to_string(), Farm::new(sectors * 4 / 3), 1)?;
        }
    }
    if is_miners_only || sizes.is_empty() {
        header("lotus-miners");
        for miners in MINERS {
            measure(&miners.to_string(), Farm::with_miners(SECTORS_OF_EACH * miners as u64, miners), miners)?;
        }
        cluster::measure()?;
    }
    Ok(())
}

fn header(what: &str) {
    println!(
        "| {what} | run | calls | requests | received | CPU | peak memory | time | bare client | output | series |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
}

/// A full node and so many lotus-miners of a farm, as one exporter asks them.
fn measure(size: &str, farm: Farm, miners: usize) -> Result<()> {
    let farm = Arc::new(farm);
    let exchanges = Exchanges::default();
    let clock = Arc::new(AtomicU64::new(unix_seconds() as u64 - NODES_BEHIND_SECONDS));
    let daemon = serve(&farm, Node::Daemon, &exchanges, &clock)?;
    let miners =
        (0..miners).map(|miner| serve(&farm, Node::Miner(miner), &exchanges, &clock)).collect::<io::Result<_>>()?;
    let state = tempfile::tempdir()?;
    let exporter = Exporter { daemon, miners, state: state.path(), clock };

    exporter.run()?.print(size, "first", &exchanges.take(), None);
    // Large farms are read over several runs, and blocks of the last day are looked for in pieces.
    finish_reading(&exporter)?;
    for _ in 0..RUNS_TO_CATCH_UP {
        exporter.run()?;
    }
    exchanges.take();
    let mut steady = exporter.run()?;
    let mut asked = vec![exchanges.take()];
    let before = children_cpu()?;
    for _ in 0..STEADY_RUNS {
        steady.peak_memory_bytes = steady.peak_memory_bytes.max(exporter.run()?.peak_memory_bytes);
        asked.push(exchanges.take());
    }
    steady.cpu = (children_cpu()? - before) / STEADY_RUNS;
    let bytes = |asked: &Vec<Exchange>| asked.iter().map(|exchange| exchange.answer_bytes).sum::<usize>();
    asked.sort_by_key(bytes);
    let average = asked.iter().map(bytes).sum::<usize>() / asked.len();
    // A run in which nothing landed, and one in which the most did.
    steady.print(size, "steady", &asked[0], Some(bare_client(&asked[0])?));
    let most = asked.last().context("no run")?;
    steady.print(size, &format!("steady, most received ({} kB on average)", average / 1000), most, None);

    exchanges.take();
    forget_slow_tier(state.path())?;
    let slow = finish_reading(&exporter)?;
    let asked = exchanges.take();
    slow.print(size, "slow tier", &asked, Some(bare_client(&asked)?));
    Ok(())
}

/// Runs until all sectors have been read: what that took together.
fn finish_reading(exporter: &Exporter) -> Result<Measure> {
    let mut all = exporter.run()?;
    while is_reading(exporter.state)? {
        let run = exporter.run()?;
        all.cpu += run.cpu;
        all.elapsed += run.elapsed;
        all.peak_memory_bytes = all.peak_memory_bytes.max(run.peak_memory_bytes);
    }
    Ok(all)
}

/// Whether sectors on chain are still being read.
fn is_reading(state: &Path) -> Result<bool> {
    let state = state_of(state)?;
    let mut sections = state["sections"].as_object().context("no sections in the state")?.iter();
    Ok(sections.any(|(name, section)| name.starts_with("on_chain/") && section["reading"].is_object()))
}

fn state_of(folder: &Path) -> Result<Value> {
    Ok(serde_json::from_slice(&std::fs::read(folder.join("state.json"))?)?)
}

/// Makes the slow tier due.
fn forget_slow_tier(folder: &Path) -> Result<()> {
    let mut state = state_of(folder)?;
    let sections = state["sections"].as_object_mut().context("no sections in the state")?;
    let slow = ["on_chain/", "expired/", "storage_paths/"];
    sections.retain(|name, _| !slow.iter().any(|prefix| name.starts_with(prefix)));
    std::fs::write(folder.join("state.json"), state.to_string())?;
    Ok(())
}

/// How long a client takes that sends the same requests, one after another, and discards the answers.
fn bare_client(asked: &[Exchange]) -> Result<Duration> {
    let agent = ureq::Agent::new_with_defaults();
    let mut buffer = vec![0; 1 << 16];
    let started = Instant::now();
    for exchange in asked {
        let answer = agent.post(&exchange.url).content_type("application/json").send(&exchange.body)?;
        let mut reader = answer.into_body().into_reader();
        while reader.read(&mut buffer)? > 0 {}
    }
    Ok(started.elapsed())
}

/// What the exporter asked, and how much it was answered.
#[derive(Clone, Default)]
struct Exchanges(Arc<Mutex<Vec<Exchange>>>);

#[derive(Clone)]
struct Exchange {
    url: String,
    body: String,
    calls: usize,
    answer_bytes: usize,
}

impl Exchanges {
    fn take(&self) -> Vec<Exchange> {
        self.0.lock().map(|mut exchanges| std::mem::take(&mut *exchanges)).unwrap_or_default()
    }
}

fn serve(farm: &Arc<Farm>, node: Node, exchanges: &Exchanges, clock: &Arc<AtomicU64>) -> io::Result<Server> {
    let (farm, exchanges, clock) = (farm.clone(), exchanges.clone(), clock.clone());
    Server::start(move |request| {
        let now = clock.load(Ordering::Relaxed) as f64;
        let answer = demo::answer(&farm, node, request.body.as_bytes(), now).to_string();
        exchanges.note(request, &answer);
        Reply::new(200, answer)
    })
}

impl Exchanges {
    fn note(&self, request: &http::Request, answer: &str) {
        let calls = serde_json::from_str::<Value>(&request.body).ok();
        let calls = calls.and_then(|body| body.as_array().map(Vec::len)).unwrap_or(1);
        let url = format!("http://{}{}", request.header("Host").unwrap_or_default(), request.path);
        if let Ok(mut exchanges) = self.0.lock() {
            exchanges.push(Exchange { url, body: request.body.clone(), calls, answer_bytes: answer.len() });
        }
    }
}

struct Exporter<'a> {
    daemon: Server,
    miners: Vec<Server>,
    state: &'a Path,
    /// The nodes' time.
    clock: Arc<AtomicU64>,
}

/// What one run of the exporter took.
struct Measure {
    cpu: Duration,
    elapsed: Duration,
    peak_memory_bytes: u64,
    output_bytes: usize,
    series: usize,
}

impl Exporter<'_> {
    fn run(&self) -> Result<Measure> {
        self.clock.fetch_add(SECONDS_BETWEEN_RUNS, Ordering::Relaxed);
        let miners: Vec<String> = self.miners.iter().map(|miner| format!("http://127.0.0.1:{}", miner.port)).collect();
        let daemon = format!("http://127.0.0.1:{}", self.daemon.port);
        Measure::of_run(&[("FULLNODE_API_INFO", &daemon), ("MINER_API_INFO", &miners.join(","))], self.state)
    }
}

impl Measure {
    /// Runs the exporter with these variables alone.
    fn of_run(variables: &[(&str, &str)], state: &Path) -> Result<Measure> {
        let (before, started) = (children_cpu()?, Instant::now());
        let built = || env!("CARGO_BIN_EXE_lotus-exporter-farcaster").into();
        let output = Command::new(std::env::var_os("EXPORTER").unwrap_or_else(built))
            .arg("-v")
            .arg("--state-dir")
            .arg(state)
            .env_clear()
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .output()?;
        let elapsed = started.elapsed();
        anyhow::ensure!(output.status.success(), "the exporter failed: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout)?;
        Ok(Measure {
            cpu: children_cpu()? - before,
            elapsed,
            peak_memory_bytes: peak_memory(&String::from_utf8_lossy(&output.stderr))?,
            output_bytes: text.len(),
            series: text.lines().filter(|line| !line.starts_with('#')).count(),
        })
    }

    fn print(&self, size: &str, run: &str, asked: &[Exchange], bare_client: Option<Duration>) {
        let calls: usize = asked.iter().map(|exchange| exchange.calls).sum();
        let received: usize = asked.iter().map(|exchange| exchange.answer_bytes).sum();
        let bare_client = bare_client.map_or("".to_owned(), |bare| {
            format!("{:.2} s, x {:.2}", bare.as_secs_f64(), self.elapsed.as_secs_f64() / bare.as_secs_f64())
        });
        println!(
            "| {size} | {run} | {calls} | {} | {:.1} kB | {:.1} ms | {:.1} MB | {:.2} s | {bare_client} | {:.0} kB | {} |",
            asked.len(),
            received as f64 / 1e3,
            self.cpu.as_secs_f64() * 1e3,
            self.peak_memory_bytes as f64 / 1e6,
            self.elapsed.as_secs_f64(),
            self.output_bytes as f64 / 1e3,
            self.series
        );
    }
}

/// The exporter says it with `--verbose`.
fn peak_memory(stderr: &str) -> Result<u64> {
    let words: Vec<&str> = stderr.split_whitespace().collect();
    let at = words.windows(4).position(|words| words[1..] == ["kB", "peak", "memory"]);
    let at = at.context("the exporter did not say its peak memory")?;
    Ok(words[at].parse::<u64>()? * 1024)
}

/// User and system time of all children that ended (proc(5): cutime and cstime of /proc/self/stat, in hundredths of a second).
fn children_cpu() -> Result<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let hundredths: u64 = fields[13].parse::<u64>()? + fields[14].parse::<u64>()?;
    Ok(Duration::from_millis(hundredths * 10))
}

fn unix_seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
