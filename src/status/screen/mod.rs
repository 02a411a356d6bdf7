//! The screen: what is wrong first, then the chain, the miners, and the money. A section a function.

mod miner;

use super::layout::{Canvas, Column, Look, Row, Style};
use crate::standing::facts::{Chain, Endpoint, Rows, Standing};
use crate::standing::machines::store;
use crate::standing::miner::Miner;
use crate::words::{self, NOT_KNOWN};

/// Of more miners than these, each has one line, and none a block of its own.
const MOST_BLOCKS: usize = 4;

/// What failed can be a long list, and `check` prints all of it.
const MOST_MESSAGES: usize = 10;

const MOST_ROWS: usize = 10;

/// The whole screen.
pub fn draw(standing: &Standing, look: Look) -> String {
    let mut canvas = Canvas::new(look);
    title(&mut canvas, standing);
    findings(&mut canvas, standing);
    failures(&mut canvas, standing);
    chain(&mut canvas, standing);
    if standing.miners.is_empty() {
        canvas.heading("MINERS", "");
        canvas.paragraph(None, "none is known");
    }
    if standing.miners.len() > 1 {
        fleet(&mut canvas, standing);
    }
    if standing.miners.len() <= MOST_BLOCKS {
        standing.miners.iter().for_each(|miner| miner::draw(&mut canvas, standing, miner));
    }
    wallets(&mut canvas, standing);
    messages(&mut canvas, standing);
    canvas.into_text()
}

fn title(canvas: &mut Canvas, standing: &Standing) {
    let network = standing.network.as_deref().map_or("network not known".to_owned(), str::to_owned);
    let took = standing.run_duration_seconds.map_or(String::new(), |seconds| format!("  the run took {seconds:.1} s"));
    let at = words::utc(standing.timestamp_seconds);
    canvas.line(&[
        (Style::Bold, "lotus-farcaster"),
        (Style::Plain, &format!("  {network}  {at}")),
        (Style::Dim, &took),
    ]);
}

fn findings(canvas: &mut Canvas, standing: &Standing) {
    if standing.findings.is_empty() && standing.messages.is_empty() && standing.notes.is_empty() {
        canvas.line(&[(Style::Green, "Nothing is wrong, as far as can be told without history.")]);
        return;
    }
    canvas.heading("WRONG NOW", "");
    for finding in &standing.findings {
        canvas.paragraph(Some(finding.severity), &finding.line());
    }
    standing.notes.iter().for_each(|note| canvas.paragraph(None, &note.line()));
    if standing.findings.is_empty() && standing.notes.is_empty() {
        canvas.paragraph(None, "nothing that raises an alert");
    }
}

fn failures(canvas: &mut Canvas, standing: &Standing) {
    let lines: Vec<&String> = standing.messages.iter().chain(&standing.remarks).collect();
    if lines.is_empty() {
        return;
    }
    canvas.heading("WHAT FAILED, AND WHAT TO DO", "");
    lines.iter().take(MOST_MESSAGES).for_each(|line| canvas.paragraph(None, &format!("- {line}")));
    more(canvas, lines.len(), MOST_MESSAGES, "`lotus-exporter-farcaster check` prints them all");
}

fn chain(canvas: &mut Canvas, standing: &Standing) {
    canvas.heading("CHAIN", "");
    let nodes: Vec<&Endpoint> = standing.endpoints.iter().filter(|endpoint| endpoint.endpoint == "daemon").collect();
    let chain = &standing.chain;
    let worst = |alerts: &[&str]| standing.worst(alerts, None);
    let mut node = Vec::new();
    for endpoint in &nodes {
        let state = if endpoint.is_up { "is up" } else { "is down" };
        let address = if endpoint.address.is_empty() {
            "none was found".to_owned()
        } else {
            format!("{} {state}", endpoint.address)
        };
        node.push(address);
    }
    node.extend(
        chain.full_node_version.as_ref().map(|version| version.split('+').next().unwrap_or(version).to_owned()),
    );
    let up = chain.full_node_start_timestamp_seconds.map(|start| standing.timestamp_seconds - start);
    node.extend(up.map(|up| format!("running for {}", words::span(up))));
    canvas.fact(worst(&["FarcasterDaemonDown", "FarcasterDaemonFailover", "FarcasterLotusAlert"]), "Full node", &node);
    canvas.fact(worst(&["FarcasterChainBehind", "FarcasterClockOff"]), "Head", &head(chain));
    canvas.fact(worst(&["FarcasterF3NotRunning", "FarcasterF3Stalled"]), "Finality", &[finality(chain)]);
    let peers = chain.peers.map_or(NOT_KNOWN.to_owned(), |peers| words::of(peers, "peer"));
    canvas.fact(worst(&["FarcasterFewPeers"]), "Network", &[peers]);
    canvas.fact(
        None,
        "Base fee",
        &[chain.base_fee_fil.map_or(NOT_KNOWN.to_owned(), |fee| words::fil(fee) + " for a unit of gas")],
    );
}

fn head(chain: &Chain) -> Vec<String> {
    let Some(height) = chain.head_height_epochs else { return vec![NOT_KNOWN.to_owned()] };
    let behind = chain.behind_clock_epochs.map(|behind| {
        if behind > 0.0 {
            format!("{} behind the clock", words::of(behind, "epoch"))
        } else {
            "level with the clock".to_owned()
        }
    });
    let sync = chain.behind_network_epochs.map(|behind| {
        if behind > 0.0 { format!("syncing, {} to go", words::of(behind, "epoch")) } else { "in sync".to_owned() }
    });
    [Some(format!("epoch {}", words::count(height))), behind, sync].into_iter().flatten().collect()
}

fn finality(chain: &Chain) -> String {
    match (chain.is_f3_running, chain.behind_f3_epochs) {
        (Some(false), _) => "F3 does not run".to_owned(),
        (_, Some(behind)) => format!("F3 is {} behind the head", words::of(behind, "epoch")),
        (Some(true), None) => format!("F3 runs, but its progress is {NOT_KNOWN}"),
        (None, None) => NOT_KNOWN.to_owned(),
    }
}

/// A miner a line, and what they have together.
fn fleet(canvas: &mut Canvas, standing: &Standing) {
    let miners = &standing.miners;
    let shown = if miners.len() > MOST_BLOCKS { "status --miner-id ID shows one in full" } else { "" };
    canvas.heading("MINERS", shown);
    const COLUMNS: [Column; 7] = [
        Column::left("miner"),
        Column::right("power"),
        Column::right("faulty"),
        Column::right("sealing"),
        Column::right("failed"),
        Column::flexible("deadline"),
        Column::right("space left"),
    ];
    let worst = |miner: &Miner| {
        let of = standing.findings.iter().filter(|finding| finding.miner_id.as_deref() == Some(&miner.miner_id));
        of.map(|finding| finding.severity).min()
    };
    let rows: Vec<Row> =
        miners.iter().map(|miner| Row { severity: worst(miner), cells: fleet_cells(standing, miner) }).collect();
    canvas.table(&COLUMNS, &rows);
    let together = [
        sum(miners, |miner| miner.power.quality_adjusted_bytes)
            .map(|(power, of)| format!("{} of power{of}", words::bytes(power))),
        sum(miners, |miner| miner.sectors.live_sectors)
            .map(|(live, of)| format!("{}{of}", words::of(live, "live sector"))),
        sum(miners, |miner| miner.sectors.faulty_sectors)
            .map(|(faulty, of)| format!("{} faulty{of}", words::count(faulty))),
        sum(miners, |miner| in_phase(miner, "sealing"))
            .map(|(sealing, of)| format!("{} sealing{of}", words::count(sealing))),
    ];
    let together: Vec<String> = together.into_iter().flatten().collect();
    let together = if together.is_empty() { vec![NOT_KNOWN.to_owned()] } else { together };
    canvas.fact(None, "Together", &together);
}

fn fleet_cells(standing: &Standing, miner: &Miner) -> Vec<String> {
    let known = |value: Option<f64>, words: fn(f64) -> String| value.map_or("?".to_owned(), words);
    let free = store(&miner.storage_paths).filter(|store| store.is_complete).map(|store| store.free_bytes);
    vec![
        miner.miner_id.clone(),
        known(miner.power.quality_adjusted_bytes, words::bytes),
        known(miner.sectors.faulty_sectors, words::count),
        known(in_phase(miner, "sealing"), words::count),
        known(in_phase(miner, "error"), words::count),
        miner::open_deadline(standing, miner),
        known(free, words::bytes),
    ]
}

/// How many sectors lotus-miner has in a phase, where it told of all.
fn in_phase(miner: &Miner, phase: &str) -> Option<f64> {
    miner.sectors_by_state.is_complete.then(|| miner.sectors_in(|state| state.phase == phase))
}

/// The sum of what is known, and of how many miners it is where that is not all; nothing where it is known of none.
fn sum(miners: &[Miner], value: impl Fn(&Miner) -> Option<f64>) -> Option<(f64, String)> {
    let known: Vec<f64> = miners.iter().filter_map(value).collect();
    let of = match known.len() {
        0 => return None,
        all if all == miners.len() => String::new(),
        some => format!(" ({some} of {} miners)", miners.len()),
    };
    Some((known.iter().sum(), of))
}

fn wallets(canvas: &mut Canvas, standing: &Standing) {
    const COLUMNS: [Column; 4] =
        [Column::left("name"), Column::flexible("address"), Column::right("balance"), Column::right("lasts")];
    let wallets = &standing.wallets;
    let paces = wallets.rows.iter().any(|wallet| wallet.lasts_days.is_some());
    let how = if paces { "at the rate observed here" } else { "how long they last shows after three hours of --watch" };
    canvas.heading("WALLETS", how);
    let row = |wallet: &crate::standing::money::Wallet| Row {
        severity: None,
        cells: vec![
            wallet.name.clone().unwrap_or_default(),
            shortened(&wallet.address),
            words::fil(wallet.balance_fil),
            wallet.lasts_days.map(|days| words::span(days * 86_400.0)).unwrap_or_default(),
        ],
    };
    let rows: Vec<Row> = wallets.rows.iter().take(MOST_ROWS).map(row).collect();
    table(canvas, &COLUMNS, wallets, &rows);
}

fn messages(canvas: &mut Canvas, standing: &Standing) {
    const COLUMNS: [Column; 5] = [
        Column::right("waits"),
        Column::flexible("method"),
        Column::left("from"),
        Column::right("nonce"),
        Column::right("pays for gas"),
    ];
    canvas.heading("MESSAGES THAT WAIT", "the oldest first");
    let messages = &standing.pending_messages;
    let row = |message: &crate::standing::money::Message| {
        let age = standing.timestamp_seconds - message.first_seen_timestamp_seconds;
        let is_new = age <= standing.run_duration_seconds.unwrap_or_default() + 1.0;
        Row {
            severity: standing.worst_about(&message.cid, &["FarcasterMessagesStuck", "FarcasterMessagesWaiting"], None),
            cells: vec![
                // How long a message waited before it was first seen, nobody knows.
                if is_new { "seen now".to_owned() } else { words::span(age) },
                message.method.clone(),
                message.from_name.clone().unwrap_or_else(|| shortened(&message.from)),
                message.nonce.clone(),
                match message.is_below_base_fee {
                    Some(true) => "too little: stuck",
                    Some(false) => "enough",
                    None => NOT_KNOWN,
                }
                .to_owned(),
            ],
        }
    };
    let rows: Vec<Row> = messages.rows.iter().take(MOST_ROWS).map(row).collect();
    table(canvas, &COLUMNS, messages, &rows);
}

/// Rows of which there may be more, or none, or of which not all were heard.
fn table<T>(canvas: &mut Canvas, columns: &[Column], of: &Rows<T>, rows: &[Row]) {
    canvas.table(columns, rows);
    match (of.rows.is_empty(), of.is_complete) {
        (true, true) => canvas.paragraph(None, "none"),
        (true, false) => canvas.paragraph(None, NOT_KNOWN),
        (false, true) => more(canvas, of.rows.len(), rows.len(), "--json prints them all"),
        (false, false) => canvas.paragraph(None, "there may be more"),
    }
}

fn more(canvas: &mut Canvas, all: usize, shown: usize, where_else: &str) {
    if all > shown {
        canvas.line(&[(Style::Dim, &format!("   and {} more; {where_else}", words::count((all - shown) as f64)))]);
    }
}

/// The ends of an address, by which people know it.
fn shortened(address: &str) -> String {
    let characters: Vec<char> = address.chars().collect();
    if characters.len() <= 24 {
        return address.to_owned();
    }
    let (start, end): (String, String) =
        (characters[..12].iter().collect(), characters[characters.len() - 6..].iter().collect());
    format!("{start}...{end}")
}
