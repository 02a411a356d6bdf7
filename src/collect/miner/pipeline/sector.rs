//! One sector: what SectorsStatus returns, and what is remembered because its log may no longer contain it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::super::pieces::{DealPiece, Piece};
use super::log::Log;
use crate::lotus::sector_events::Reach;
use crate::lotus::sector_state::{in_pipeline, is_at_rest};
use crate::rpc::Client;
use crate::tolerant::{Field, Int, List, Problems};

const MAX_ERROR_CHARACTERS: usize = 200;

/// A time that is further ahead of the clock than this cannot be.
const MAX_SECONDS_AHEAD: f64 = 86_400.0;

/// A sector, as SectorsStatus returned it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sector {
    pub state: String,
    pub entered_seconds: Option<f64>,
    pub progress_seconds: Option<f64>,
    pub created_seconds: Option<f64>,
    /// When it was packed for the first time, as far as its log tells.
    pub packed_seconds: Option<f64>,
    /// When its pre-commit got on chain, where a proof has not followed yet.
    pub precommitted_seconds: Option<f64>,
    /// The epoch of the ticket that it was sealed with; 0 if it has none.
    pub ticket_epoch: i64,
    pub content: String,
    pub retries: Option<u64>,
    pub error: Option<String>,
    pub pieces: Vec<DealPiece>,
    pub asked_seconds: f64,
    /// The tasks it had when it was asked about: other tasks later hint that it moved.
    pub tasks: BTreeSet<String>,
    /// It is no longer in any list of the pipeline; all that remains is to ask how it ended.
    pub has_left: bool,
    pub past: Past,
    #[serde(skip)]
    pub sealing_seconds: Option<u64>,
}

/// What is remembered of a sector's log, because a later log may no longer contain it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Past {
    pub created_seconds: Option<u64>,
    pub reach: Reach,
    pub retries: u64,
    /// Retries that are in the log no more.
    pub lost_retries: u64,
    /// Whether it has been sealed; unknown if no log showed it.
    pub is_sealed: Option<bool>,
}

impl Sector {
    pub fn is_in_pipeline(&self) -> bool {
        in_pipeline(&self.state) && !self.has_left
    }
}

impl Past {
    /// What to remember when the log contains this.
    fn with(self, log: &Log, state: &str) -> Past {
        let course = &log.course;
        if course.entered_seconds.is_none() {
            return self;
        }
        let is_earlier = self.created_seconds == log.created_seconds && self.reach.progress_seconds <= log.last_seconds;
        let earlier = if log.has_gap && is_earlier { self } else { Past::default() };
        let reach = course.reach.or_earlier(earlier.reach);
        if log.flaw.is_some() {
            return Past { reach, ..self };
        }
        let lost_retries = earlier.lost_retries.max(earlier.retries.saturating_sub(course.retries));
        let is_sealed = self.is_sealed == Some(true) || course.is_upgraded || sealed_seconds(state, log).is_some();
        Past {
            created_seconds: log.created_seconds,
            reach,
            retries: course.retries.saturating_add(lost_retries),
            lost_retries,
            is_sealed: Some(is_sealed),
        }
    }
}

/// When it was sealed: came to rest for the first time after it was packed, by itself or by hand.
fn sealed_seconds(state: &str, log: &Log) -> Option<u64> {
    let course = &log.course;
    let is_sealed = is_at_rest(state) && !course.is_upgraded && !log.has_gap;
    course.sealed_seconds.or(course.entered_seconds.filter(|_| is_sealed))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Status {
    state: Field<String>,
    pieces: Field<List<Piece>>,
    deals: Field<Vec<Int>>,
    ticket: Field<Ticket>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Ticket {
    epoch: Field<Int>,
}

/// None if the state is not reported.
pub fn read(
    miner: &Client,
    status: Status,
    log: Option<Log>,
    number: u64,
    past: Past,
    now: f64,
    problems: &mut Problems,
) -> Option<Sector> {
    let at = format!("SectorsStatus({number})");
    let is_state_missing = matches!(status.state, Field::Missing);
    let state = status.state.take(&format!("{at}.State"), problems);
    if is_state_missing {
        problems.note(format_args!("{at}.State: it is missing"));
    }
    let state = state?;
    let pieces = status.pieces.take(&format!("{at}.Pieces"), problems).unwrap_or_default();
    let pieces = pieces.take(&format!("{at}.Pieces"), problems);
    let deals = status.deals.take(&format!("{at}.Deals"), problems).unwrap_or_default();
    let ticket = status.ticket.take(&format!("{at}.Ticket"), problems).unwrap_or_default();
    let ticket_epoch = ticket.epoch.take(&format!("{at}.Ticket.Epoch"), problems).and_then(Int::to_u64);
    let mut log = log.unwrap_or_default();
    if log.last_seconds.is_some_and(|last| last as f64 > now + MAX_SECONDS_AHEAD) {
        log = Log { flaw: Some(": it has entries from the future".to_owned()), error: log.error, ..Log::default() };
    }
    let is_whole = log.flaw.is_none();
    if let Some(flaw) = &log.flaw {
        problems.note(format_args!("{at}.Log{flaw}"));
    }
    let content = content(&pieces, &deals, &log).to_owned();
    let past = past.with(&log, &state);
    let course = &log.course;
    let progress = past.reach.progress_seconds.filter(|_| course.entered_seconds.is_some());
    // An upgrade packs it once more, and takes another time.
    let sealing_seconds =
        sealed_seconds(&state, &log).zip(course.packed_seconds).and_then(|(sealed, packed)| sealed.checked_sub(packed));
    Some(Sector {
        sealing_seconds: sealing_seconds.filter(|_| is_whole),
        state,
        entered_seconds: course.entered_seconds.map(|seconds| seconds as f64),
        progress_seconds: progress.map(|seconds| seconds as f64),
        created_seconds: log.created_seconds.map(|seconds| seconds as f64),
        ticket_epoch: ticket_epoch.and_then(|epoch| i64::try_from(epoch).ok()).unwrap_or_default(),
        packed_seconds: course.packed_seconds.filter(|_| !log.has_gap).map(|seconds| seconds as f64),
        precommitted_seconds: course.precommitted_seconds.map(|seconds| seconds as f64),
        content,
        // An entry that could not be read may have been one.
        retries: (log.is_told && is_whole).then_some(past.retries),
        error: log.error.map(|error| shortened(&miner.redact(&error))),
        pieces: pieces.into_iter().filter_map(|piece| piece.of_deal(&at, problems)).collect(),
        past,
        ..Sector::default()
    })
}

/// What is in the sector. Deals that were made directly (DDO) have no deal id, so the pieces count.
fn content(pieces: &[Piece], deals: &[Int], log: &Log) -> &'static str {
    if pieces.iter().any(Piece::is_verified) {
        return "verified_deals";
    }
    let awaits_deals = pieces.is_empty() && log.is_for_deals;
    if pieces.iter().any(Piece::is_data) || deals.iter().any(|deal| deal.0 > 0) || awaits_deals {
        return "deals";
    }
    "committed_capacity"
}

/// An error as it is published.
fn shortened(error: &str) -> String {
    error.chars().take(MAX_ERROR_CHARACTERS).collect()
}
