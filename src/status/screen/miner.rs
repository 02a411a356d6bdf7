//! The block of one miner.

use std::collections::BTreeMap;

use super::{MOST_ROWS, in_phase, more, table};
use crate::standing::facts::{Rows, Standing};
use crate::standing::machines::{Path, Worker};
use crate::standing::miner::{Deadline, Job, Miner, PipelineSector};
use crate::status::layout::{Canvas, Column, Row};
use crate::words::{self, NOT_KNOWN};

/// In the order of a sector's life.
const PHASES: [&str; 5] = ["waiting", "sealing", "proving", "ending", "error"];

const CHECKPOINTS: [&str; 7] =
    ["Accepted", "Transferred", "Published", "PublishConfirmed", "AddedPiece", "IndexedAndAnnounced", "Complete"];

/// Luck of fewer wins than these tells nothing.
const WINS_FOR_LUCK: f64 = 5.0;

/// All that is shown of a miner.
pub fn draw(canvas: &mut Canvas, standing: &Standing, miner: &Miner) {
    canvas.heading(&miner.miner_id, &about(standing, miner));
    power(canvas, standing, miner);
    wins(canvas, standing, miner);
    deadlines(canvas, standing, miner);
    faults(canvas, standing, miner);
    money(canvas, standing, miner);
    deals(canvas, standing, miner);
    if !miner.has_lotus_miner && !miner.has_curio {
        canvas.fact(None, "lotus-miner", &["none known here: sealing, workers and storage are not shown".to_owned()]);
        return;
    }
    if miner.has_lotus_miner {
        sectors(canvas, standing, miner);
        pipeline(canvas, standing, miner);
        jobs(canvas, standing, miner);
    } else {
        let elsewhere = "its machines, tasks and pipelines are on the dashboard Curio";
        canvas.fact(None, "Curio", &[elsewhere.to_owned()]);
    }
    storage(canvas, standing, miner);
}

fn about(standing: &Standing, miner: &Miner) -> String {
    let version = miner.lotus_miner_version.as_ref();
    let program = if miner.has_lotus_miner { "lotus-miner" } else { "Curio" };
    let version = version.map(|version| format!("{program} {}", version.split('+').next().unwrap_or(version)));
    let up = miner.lotus_miner_start_timestamp_seconds.map(|start| standing.timestamp_seconds - start);
    let size = miner.sector_size_bytes.map(|size| format!("sectors of {}", words::bytes(size)));
    let parts = [size, version, up.map(|up| format!("running for {}", words::span(up)))];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn known(value: Option<f64>, words: impl Fn(f64) -> String) -> String {
    value.map_or(NOT_KNOWN.to_owned(), words)
}

fn power(canvas: &mut Canvas, standing: &Standing, miner: &Miner) {
    let power = &miner.power;
    let may_win = match (power.has_min_power, power.may_win_blocks) {
        (Some(false), _) => Some("below the minimum power, so it wins no blocks"),
        (_, Some(true)) => Some("eligible to win blocks"),
        (_, Some(false)) => Some("not eligible to win blocks now"),
        _ => None,
    };
    let mut values = vec![known(power.quality_adjusted_bytes, |bytes| words::bytes(bytes) + " quality-adjusted")];
    values.extend(power.raw_bytes.map(|raw| words::bytes(raw) + " raw"));
    values.extend(power.network_share_ratio.map(|share| words::share(share) + " of the network"));
    values.extend(may_win.map(str::to_owned));
    canvas.fact(standing.worst(&["FarcasterF3NotParticipating"], Some(miner)), "Power", &values);
}

/// Totals begin when the exporter's memory does, so that there are none without one.
fn wins(canvas: &mut Canvas, standing: &Standing, miner: &Miner) {
    let wins = &miner.wins;
    let mut values = Vec::new();
    match wins.wins.zip(wins.expected_wins) {
        None => values.push("not known yet".to_owned()),
        Some((won, expected)) => {
            values.push(format!("{} won", words::count(won)));
            values.push(format!("{} expected", words::significant(expected)));
            let luck = wins.luck_ratio.filter(|_| expected >= WINS_FOR_LUCK);
            values.push(luck.map_or("too few to tell luck".to_owned(), |luck| format!("luck {}", words::share(luck))));
        }
    }
    values.extend(wins.expected_wins_per_day.map(|wins| format!("{} expected per day", words::significant(wins))));
    let last = wins.last_block_timestamp_seconds.map(|last| standing.timestamp_seconds - last);
    values.extend(last.map(|ago| format!("last block {} ago", words::span(ago))));
    values.extend(
        wins.blocks_orphaned.filter(|orphaned| *orphaned > 0.0).map(|orphaned| words::of(orphaned, "orphaned block")),
    );
    canvas.fact(None, "Wins", &values);
}

fn deadlines(canvas: &mut Canvas, standing: &Standing, miner: &Miner) {
    let severity = standing.worst(&["FarcasterWindowPostAtRisk"], Some(miner));
    canvas.fact(severity, "Deadline", &[current_deadline(standing, miner)]);
    let opens =
        |deadline: &&Deadline| deadline.open_timestamp_seconds.filter(|open| *open > standing.timestamp_seconds);
    let coming = miner.deadlines.rows.iter().filter(|deadline| deadline.due_partitions.is_some_and(|due| due > 0.0));
    let next = coming.filter_map(|deadline| Some((opens(&deadline)?, deadline))).min_by(|a, b| a.0.total_cmp(&b.0));
    let next = match next {
        Some((open, deadline)) => {
            let due = words::of(deadline.due_partitions.unwrap_or_default(), "partition");
            format!(
                "{} opens in {} with {due} to prove",
                deadline.deadline,
                words::span(open - standing.timestamp_seconds)
            )
        }
        None if miner.deadlines.is_complete => "none: nothing is to be proven".to_owned(),
        None => NOT_KNOWN.to_owned(),
    };
    canvas.fact(None, "Next", &[next]);
    if !miner.deadlines.rows.is_empty() {
        let day = day(miner);
        let legend = if day.contains('F') { "  F faulty" } else { "" };
        canvas.fact(None, "All day", &[day + legend]);
    }
}

/// `16: closes in 12 min, 1 of 2 partitions proven`.
pub fn current_deadline(standing: &Standing, miner: &Miner) -> String {
    let current = miner.deadlines.rows.iter().find(|deadline| Some(deadline.deadline) == miner.current_deadline);
    let Some(deadline) = current else { return NOT_KNOWN.to_owned() };
    let left = deadline.close_timestamp_seconds.map(|close| close - standing.timestamp_seconds);
    let closes = left.map(|left| {
        if left < 0.0 {
            format!("closed {} ago, ", words::span(left))
        } else {
            format!("closes in {}, ", words::span(left))
        }
    });
    let proven = match (deadline.due_partitions, deadline.proven_partitions) {
        (Some(0.0), _) => "nothing to prove".to_owned(),
        (Some(due), Some(proven)) => format!("{} of {} proven", words::count(proven), words::of(due, "partition")),
        _ => format!("proofs {NOT_KNOWN}"),
    };
    format!("{}: {}{proven}", deadline.deadline, closes.unwrap_or_default())
}

/// The same in few words: `1/2 proven, 12 min`.
pub fn open_deadline(standing: &Standing, miner: &Miner) -> String {
    let current = miner.deadlines.rows.iter().find(|deadline| Some(deadline.deadline) == miner.current_deadline);
    let left =
        current.and_then(|deadline| deadline.close_timestamp_seconds).map(|close| close - standing.timestamp_seconds);
    let left = left.filter(|left| *left > 0.0).map(|left| format!(", {}", words::span(left))).unwrap_or_default();
    match current.and_then(|deadline| Some((deadline.due_partitions?, deadline.proven_partitions))) {
        Some((0.0, _)) => format!("nothing due{left}"),
        Some((due, Some(proven))) => format!("{}/{} proven{left}", words::count(proven), words::count(due)),
        _ => "?".to_owned(),
    }
}

/// A character for each deadline.
fn day(miner: &Miner) -> String {
    let character = |deadline: &Deadline| match deadline {
        deadline if deadline.faulty_sectors.is_some_and(|faulty| faulty > 0.0) => 'F',
        deadline if Some(deadline.deadline) == miner.current_deadline => '>',
        deadline if deadline.partitions.is_some_and(|partitions| partitions > 0.0) => 'o',
        deadline if deadline.partitions.is_some() => '.',
        _ => '?',
    };
    miner.deadlines.rows.iter().map(character).collect()
}

fn faults(canvas: &mut Canvas, standing: &Standing, miner: &Miner) {
    let sectors = &miner.sectors;
    let faulty = match sectors.faulty_sectors {
        Some(0.0) => "none".to_owned(),
        Some(faulty) => {
            let recovering = known(sectors.recovering_sectors, words::count);
            format!("{}, {recovering} of them recovering", words::of(faulty, "faulty sector"))
        }
        None => NOT_KNOWN.to_owned(),
    };
    let mut values = vec![faulty];
    let of_deadlines: Vec<&Deadline> = miner
        .deadlines
        .rows
        .iter()
        .filter(|deadline| deadline.faulty_sectors.is_some_and(|faulty| faulty > 0.0))
        .collect();
    values.extend(of_deadlines.iter().take(MOST_ROWS).map(|deadline| {
        let faulty = deadline.faulty_sectors.unwrap_or_default();
        format!("{} in deadline {}", words::count(faulty), deadline.deadline)
    }));
    let others = of_deadlines.len().saturating_sub(MOST_ROWS);
    values.extend((others > 0).then(|| format!("and in {}", words::of(others as f64, "other deadline"))));
    canvas.fact(standing.worst(&["FarcasterNewFaults"], Some(miner)), "Faults", &values);
    let live = known(sectors.live_sectors, |live| words::of(live, "live sector"));
    let mut values = vec![live];
    match sectors.expiring_within_7_days_sectors.zip(sectors.expiring_within_30_days_sectors) {
        Some((week, month)) => {
            let expire = |sectors: f64| if sectors == 1.0 { "expires" } else { "expire" };
            values.push(format!("{} {} within 7 days", words::count(week), expire(week)));
            values.push(format!("{} within 30", words::count(month)));
        }
        None => values.push("expirations not known yet".to_owned()),
    }
    canvas.fact(
        standing.worst(&["FarcasterSectorsExpiring", "FarcasterExpiryAhead"], Some(miner)),
        "On chain",
        &values,
    );
}

fn money(canvas: &mut Canvas, standing: &Standing, miner: &Miner) {
    let money = &miner.money;
    let mut values = vec![known(money.available_fil, |fil| words::fil(fil) + " available")];
    values.extend(money.initial_pledge_fil.map(|fil| words::fil(fil) + " pledged"));
    values.extend(money.vesting_fil.map(|fil| words::fil(fil) + " vesting"));
    values.extend(money.worker_and_control_fil.map(|fil| words::fil(fil) + " in worker and control wallets"));
    values.extend(money.fee_debt_fil.filter(|debt| *debt > 0.0).map(|debt| words::fil(debt) + " owed"));
    values.extend(money.daily_fee_fil.map(|fee| words::fil(fee) + " of fees a day"));
    values.extend(money.daily_fee_runway_days.map(|days| {
        format!(
            "fees are covered for {}",
            if days > 3650.0 { "more than ten years".to_owned() } else { words::span(days * 86_400.0) }
        )
    }));
    let alerts = ["FarcasterFeeDebt", "FarcasterWalletLow", "FarcasterDailyFeeRunway", "FarcasterPledgeShort"];
    canvas.fact(standing.worst(&alerts, Some(miner)), "Money", &values);
}

fn deals(canvas: &mut Canvas, standing: &Standing, miner: &Miner) {
    let Some(deals) = &miner.deals else { return };
    let mut counts: BTreeMap<&str, f64> = BTreeMap::new();
    for checkpoint in &deals.checkpoints {
        *counts.entry(&checkpoint.checkpoint).or_default() += checkpoint.deals;
    }
    let at = |checkpoint: &&str| Some(format!("{} {checkpoint}", words::count(*counts.get(checkpoint)?)));
    let mut values: Vec<String> = CHECKPOINTS.iter().filter_map(at).collect();
    values.extend(deals.publish_queue_deals.map(|queue| format!("{} to be published", words::of(queue, "deal"))));
    values.extend(deals.transfers.map(|transfers| words::of(transfers, "transfer")));
    values.extend(
        deals.stalled_transfers.filter(|stalled| *stalled > 0.0).map(|stalled| words::count(stalled) + " stalled"),
    );
    values.extend(deals.staging_free_bytes.map(|free| words::bytes(free) + " free for staging"));
    values.extend(
        (!deals.is_complete).then(|| if values.is_empty() { NOT_KNOWN } else { "the rest is not known" }.to_owned()),
    );
    let alerts = [
        "FarcasterPublishOverdue",
        "FarcasterTransfersStalled",
        "FarcasterStagingFull",
        "FarcasterMarketFundsShort",
        "FarcasterPublishWalletLow",
        "FarcasterBoostDown",
    ];
    canvas.fact(standing.worst(&alerts, Some(miner)), "Deals", &values);
}

fn sectors(canvas: &mut Canvas, standing: &Standing, miner: &Miner) {
    const COLUMNS: [Column; 4] =
        [Column::left("sectors"), Column::right(""), Column::left(""), Column::flexible("states")];
    if !miner.sectors_by_state.is_complete {
        canvas.fact(None, "Sectors", &[NOT_KNOWN.to_owned()]);
        return;
    }
    let all = miner.sectors_in(|_| true);
    let row = |phase: &&str| {
        let sectors = in_phase(miner, phase).unwrap_or_default();
        let mut states: Vec<_> = miner.sectors_by_state.rows.iter().filter(|state| state.phase == **phase).collect();
        states.sort_by(|a, b| b.sectors.total_cmp(&a.sectors));
        let states: Vec<String> =
            states.iter().map(|state| format!("{} {}", words::count(state.sectors), state.state)).collect();
        Row {
            severity: standing.worst(&["FarcasterSectorsFailed"], Some(miner)).filter(|_| *phase == "error"),
            cells: vec![
                (*phase).to_owned(),
                words::count(sectors),
                canvas.bar(if all > 0.0 { sectors / all } else { 0.0 }, 20),
                states.join(", "),
            ],
        }
    };
    let rows: Vec<Row> = PHASES.iter().map(row).collect();
    canvas.line(&[]);
    canvas.table(&COLUMNS, &rows);
}

/// Titles a table that is a part of the block.
fn title(canvas: &mut Canvas, title: &str) {
    use crate::status::layout::Style;
    canvas.line(&[]);
    canvas.line(&[(Style::Plain, "   "), (Style::Bold, title)]);
}

fn pipeline(canvas: &mut Canvas, standing: &Standing, miner: &Miner) {
    const COLUMNS: [Column; 6] = [
        Column::right("sector"),
        Column::left("state"),
        Column::right("for"),
        Column::right("no progress"),
        Column::right("retries"),
        Column::flexible("content, error"),
    ];
    const ALERTS: [&str; 3] = ["FarcasterSectorsFailed", "FarcasterSectorsStuck", "FarcasterPreCommitExpiring"];
    title(canvas, "Pipeline, the oldest first");
    let since = |at: Option<f64>| at.map_or("?".to_owned(), |at| words::span(standing.timestamp_seconds - at));
    let row = |sector: &PipelineSector| {
        let content = sector.content.as_deref().map(|content| content.replace('_', " "));
        let is_failed = sector.phase.as_deref() == Some("error");
        let mut told: Vec<String> = content.into_iter().chain(sector.error.clone()).collect();
        // What it failed of matters more than what is in it.
        if is_failed {
            told.reverse();
        }
        Row {
            severity: standing.worst_about(&sector.sector, &ALERTS, Some(miner)),
            cells: vec![
                sector.sector.clone(),
                sector.state.clone().unwrap_or("?".to_owned()),
                since(sector.state_timestamp_seconds),
                since(sector.progress_timestamp_seconds),
                sector.retries.map_or("?".to_owned(), words::count),
                told.join(", "),
            ],
        }
    };
    let rows: Vec<Row> = miner.pipeline.rows.iter().take(MOST_ROWS).map(row).collect();
    table(canvas, &COLUMNS, &miner.pipeline, &rows);
}

/// A host a line: its workers, and what they do.
fn jobs(canvas: &mut Canvas, standing: &Standing, miner: &Miner) {
    const COLUMNS: [Column; 6] = [
        Column::left("host"),
        Column::right("workers"),
        Column::right("CPU"),
        Column::right("GPU"),
        Column::right("oldest"),
        Column::flexible("jobs"),
    ];
    title(canvas, "Jobs by worker");
    let mut hosts: BTreeMap<&str, (Vec<&Worker>, Vec<&Job>)> = BTreeMap::new();
    for worker in &miner.workers.rows {
        hosts.entry(&worker.worker_host).or_default().0.push(worker);
    }
    for job in &miner.jobs.rows {
        hosts.entry(&job.worker_host).or_default().1.push(job);
    }
    let rows: Vec<Row> =
        hosts.iter().map(|(host, (workers, jobs))| host_row(standing, miner, host, workers, jobs)).collect();
    let shown = &rows[..rows.len().min(2 * MOST_ROWS)];
    canvas.table(&COLUMNS, shown);
    more(canvas, rows.len(), shown.len(), "--json prints them all");
    match (rows.is_empty(), miner.workers.is_complete && miner.jobs.is_complete) {
        (true, true) => canvas.paragraph(None, "none"),
        (true, false) => canvas.paragraph(None, NOT_KNOWN),
        (false, true) => {}
        (false, false) => canvas.paragraph(None, "there may be more"),
    }
    let waiting = &miner.waiting_tasks;
    let tasks = waiting.rows.iter().filter(|waiting| waiting.tasks > 0.0);
    let tasks: Vec<String> =
        tasks.map(|waiting| format!("{} {}", words::count(waiting.tasks), words::task(&waiting.task))).collect();
    let tasks = match (tasks.is_empty(), waiting.is_complete) {
        (true, true) => vec!["none".to_owned()],
        (true, false) => vec![NOT_KNOWN.to_owned()],
        _ => tasks,
    };
    canvas.fact(None, "Queued", &tasks);
}

fn host_row(standing: &Standing, miner: &Miner, host: &str, workers: &[&Worker], jobs: &[&Job]) -> Row {
    let disabled = workers.iter().filter(|worker| worker.is_enabled == Some(false)).count();
    let mut tasks: BTreeMap<(&str, &str), f64> = BTreeMap::new();
    for job in jobs {
        *tasks.entry((words::task(&job.task), &job.state)).or_default() += 1.0;
    }
    let task = |((task, state), jobs): (&(&str, &str), &f64)| match *state {
        "running" => format!("{} {task}", words::count(*jobs)),
        state => format!("{} {task} {state}", words::count(*jobs)),
    };
    let used = |used: fn(&Worker) -> Option<f64>, all: fn(&Worker) -> Option<f64>| {
        let sum = |of: fn(&Worker) -> Option<f64>| workers.iter().map(|worker| of(worker)).sum::<Option<f64>>();
        match sum(used).zip(sum(all)) {
            Some(_) if workers.is_empty() => String::new(),
            Some((used, all)) => format!("{}/{}", words::significant(used), words::count(all)),
            None => "?".to_owned(),
        }
    };
    let oldest =
        jobs.iter().filter(|job| job.state == "running").map(|job| job.start_timestamp_seconds).min_by(f64::total_cmp);
    let count = words::count(workers.len() as f64);
    Row {
        severity: standing.worst_about(host, &["FarcasterWorkerDisabled", "FarcasterJobSlow"], Some(miner)),
        cells: vec![
            host.to_owned(),
            if disabled > 0 { format!("{count}, {disabled} off") } else { count },
            used(|worker| worker.cpus_used, |worker| worker.cpus),
            used(|worker| worker.gpus_used, |worker| worker.gpus),
            oldest.map(|start| words::span(standing.timestamp_seconds - start)).unwrap_or_default(),
            tasks.iter().map(task).collect::<Vec<_>>().join(", "),
        ],
    }
}

fn storage(canvas: &mut Canvas, standing: &Standing, miner: &Miner) {
    const COLUMNS: [Column; 6] = [
        Column::flexible("storage"),
        Column::left("for"),
        Column::left("used"),
        Column::right(""),
        Column::right("free"),
        Column::right("of"),
    ];
    const ALERTS: [&str; 2] = ["FarcasterStorageDown", "FarcasterSealingStorageFull"];
    title(canvas, "Storage");
    let is_wide = canvas.width() >= 90;
    let Rows { rows: paths, .. } = &miner.storage_paths;
    // The worst first: what is down, then what has least left.
    let left = |path: &Path| {
        if path.is_down() { -1.0 } else { path.free_bytes.zip(path.size_bytes).map_or(2.0, |(free, size)| free / size) }
    };
    let mut paths: Vec<&Path> = paths.iter().collect();
    paths.sort_by(|a, b| left(a).total_cmp(&left(b)));
    let row = |path: &&Path| {
        let used = path.used_bytes.zip(path.size_bytes.filter(|size| *size > 0.0)).map(|(used, size)| used / size);
        let purpose = match (path.can_seal, path.can_store) {
            (Some(true), Some(true)) => "both",
            (Some(true), _) => "sealing",
            (_, Some(true)) => "storing",
            (Some(false), Some(false)) => "nothing",
            _ => "?",
        };
        let known = |bytes: Option<f64>| bytes.map_or("?".to_owned(), words::bytes);
        Row {
            severity: standing.worst_about(&path.storage_id, &ALERTS, Some(miner)),
            cells: vec![
                path.name(),
                purpose.to_owned(),
                match (used, path.is_up) {
                    (_, Some(false)) => "down".to_owned(),
                    (Some(used), _) => canvas.bar(used, if is_wide { 20 } else { 10 }),
                    (None, _) => NOT_KNOWN.to_owned(),
                },
                used.map(words::share).unwrap_or_default(),
                known(path.free_bytes),
                known(path.size_bytes),
            ],
        }
    };
    let rows: Vec<Row> = paths.iter().take(2 * MOST_ROWS).map(row).collect();
    table(canvas, &COLUMNS, &miner.storage_paths, &rows);
}
