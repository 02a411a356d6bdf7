use super::*;
use crate::expose::Facts;

/// What is said of a run with these samples of a miner: findings with their severity, notes, and what is fine.
fn judged(samples: &str) -> Vec<String> {
    let of_every_run = "farcaster_run_timestamp_seconds 1795000000\n\
                        farcaster_collector_success{collector=\"power\",miner_id=\"f01\"} 1\n\
                        farcaster_collector_success{collector=\"identity\",miner_id=\"f01\"} 1\n\
                        farcaster_collector_success{collector=\"storage\",miner_id=\"f01\"} 1\n\
                        farcaster_endpoint_up{endpoint=\"daemon\",address=\"a:1\",miner_id=\"\"} 1\n";
    let mut standing = Standing::read(&Facts::read(&format!("{of_every_run}{samples}")), &[]);
    standing.judge(&Thresholds::read().unwrap());
    let findings = standing.findings.iter().map(|found| format!("{} {}", found.severity.as_str(), found.line()));
    let notes = standing.notes.iter().map(|note| format!("note {}", note.line()));
    let fine = standing.fine.iter().map(|fine| format!("fine {}", fine.line()));
    findings.chain(notes).chain(fine).collect()
}

#[test]
fn a_few_faults_may_be_old_but_many_are_wrong() {
    let of = |faulty: u32| {
        judged(&format!(
            "farcaster_miner_faulty_sectors{{miner_id=\"f01\"}} {faulty}\nfarcaster_miner_live_sectors{{miner_id=\"f01\"}} 100\n"
        ))
    };
    assert_eq!(of(0), ["fine f01: no faulty sectors"]);
    assert_eq!(of(1), ["note f01: 1 of 100 live sectors is faulty, new or old"]);
    assert_eq!(of(5), ["critical f01: 5 of 100 live sectors are faulty, new or old"]);
}

#[test]
fn one_wallet_may_be_out_of_use_but_not_all() {
    let of = |worker: f64, control: f64| {
        let wallet = |role: &str, balance: f64| {
            format!(
                "farcaster_miner_address_info{{miner_id=\"f01\",role=\"{role}\",id_address=\"\",address=\"f3{role}\",name=\"\"}} 1\n\
                 farcaster_wallet_balance_fil{{address=\"f3{role}\",id_address=\"\",name=\"\"}} {balance}\n"
            )
        };
        judged(&(wallet("worker", worker) + &wallet("control0", control)))
    };
    assert_eq!(of(1.0, 2.0), ["fine f01: worker and control wallets hold 3 FIL together"]);
    assert_eq!(
        of(0.0, 2.0),
        [
            "note f01: the worker wallet f3worker holds 0 FIL, too little if it is in use",
            "fine f01: worker and control wallets hold 2 FIL together"
        ]
    );
    assert_eq!(
        of(0.0, 0.05),
        ["critical f01: worker and control wallets hold 0.05 FIL together, too little to pay for messages"]
    );
}

/// An address of the miner that is not known may hold the money.
#[test]
fn wallets_are_judged_together_only_if_all_are_known() {
    let samples = "farcaster_miner_address_info{miner_id=\"f01\",role=\"worker\",id_address=\"\",address=\"f3w\",name=\"\"} 1\n\
                   farcaster_wallet_balance_fil{address=\"f3w\",id_address=\"\",name=\"\"} 0\n";
    let text = format!(
        "farcaster_run_timestamp_seconds 1795000000\n\
         farcaster_collector_success{{collector=\"identity\",miner_id=\"f01\"}} 0\n{samples}"
    );
    let mut standing = Standing::read(&Facts::read(&text), &[]);
    standing.judge(&Thresholds::read().unwrap());
    assert_eq!(standing.miners[0].money.worker_and_control_fil, None);
    assert!(standing.findings.iter().all(|finding| finding.alert != "FarcasterWalletLow"));
}

#[test]
fn space_that_is_only_partly_known_is_not_fine() {
    let path = |id: &str, available: &str| {
        let labels = format!("{{miner_id=\"f01\",storage_id=\"{id}\"}}");
        let available = match available {
            "" => String::new(),
            available => format!(
                "farcaster_storage_available_bytes{labels} {available}\nfarcaster_storage_reserved_bytes{labels} 0\n"
            ),
        };
        format!(
            "farcaster_storage_up{labels} 1\nfarcaster_storage_can_store{labels} 1\nfarcaster_storage_can_seal{labels} 0\n\
             farcaster_storage_capacity_bytes{labels} 1e12\n{available}"
        )
    };
    let is_fine = |samples: String| judged(&samples).iter().any(|line| line.contains("space for finished sectors"));
    assert!(is_fine(path("one", "8e11") + &path("two", "8e11")));
    assert!(!is_fine(path("one", "8e11") + &path("two", "")));
}

#[test]
fn sectors_without_a_pledge_are_those_of_the_rule() {
    let rules = String::from_utf8(crate::bundle::file("compose/prometheus/rules/funds.yaml").unwrap()).unwrap();
    let states = money::UNPLEDGED.join("|");
    assert!(rules.contains(&format!("farcaster_miner_sectors{{state=~\"{states}\"}}")), "{states}");
}

/// The count of a sender's messages has no limit of rows, so that it counts where they are left out.
#[test]
fn messages_that_failed_within_the_hour_and_proofs_worst() {
    let failed = |cid: &str, method: &str, seconds: u64| {
        format!(
            "farcaster_message_failed_timestamp_seconds{{cid=\"{cid}\",from=\"f3a\",from_name=\"hot\",to=\"f01\",miner_id=\"f01\",\
             method=\"{method}\",exit_code=\"16\"}} {seconds}\n"
        )
    };
    let samples = [
        failed("a", "PreCommitSectorBatch2", 1_794_999_000),
        failed("b", "PreCommitSectorBatch2", 1_794_999_900),
        failed("c", "PreCommitSectorBatch2", 1_794_990_000),
        failed("d", "SubmitWindowedPoSt", 1_794_999_000),
        failed("e", "Send", 1_794_996_400),
    ];
    assert_eq!(
        judged(&samples.concat()),
        [
            "critical 1 WindowPoSt message of hot failed on chain with exit code 16",
            "warning 2 PreCommitSectorBatch2 messages of hot failed on chain with exit code 16",
        ]
    );
}

#[test]
fn stuck_messages_are_counted_by_their_sender() {
    assert_eq!(
        judged("farcaster_mpool_local_messages_below_base_fee{from=\"f3a\",from_name=\"hot\"} 30\n"),
        ["warning 30 messages are stuck: hot pays less than the base fee"]
    );
}

#[test]
fn missing_nonces_are_told_by_their_sender() {
    let of = |count| format!("farcaster_mpool_local_missing_nonces{{from=\"f3a\",from_name=\"hot\"}} {count}\n");
    assert_eq!(judged(&of(1)), ["warning 1 nonce is missing before waiting messages of hot"]);
    assert_eq!(judged(&of(0)), Vec::<String>::new());
}

#[test]
fn slow_jobs_are_one_finding_for_each_task() {
    let job = |id: u32, task: &str, start: u32| {
        format!(
            "farcaster_miner_job_start_timestamp_seconds{{miner_id=\"f01\",job_id=\"{id}\",sector=\"{id}\",task=\"{task}\",state=\"running\",worker=\"w\",worker_host=\"one\"}} {start}\n"
        )
    };
    let samples = job(1, "PC1", 1_794_900_000) + &job(2, "PC1", 1_794_800_000) + &job(3, "PC2", 1_794_990_000);
    assert_eq!(
        judged(&samples),
        ["warning f01: PC1 of sector 2 has run on one for 2 d 7 h, and 1 other such job for too long"]
    );
}

#[test]
fn rows_that_are_left_out_are_wrong() {
    assert_eq!(
        judged(
            "farcaster_truncated_rows{family=\"farcaster_a\"} 2\nfarcaster_truncated_rows{family=\"farcaster_b\"} 1\n"
        ),
        ["warning 3 rows are left out (2 of farcaster_a, 1 of farcaster_b): raise --max-rows"]
    );
}
