//! Pieces of deals in sectors that are not at rest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::address_book::AddressBook;
use crate::expose::{Samples, families};
use crate::lotus::tipset::Link;
use crate::tolerant::{Field, Int, Problems};

/// A piece of a deal in a sector; fillers are none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DealPiece {
    cid: String,
    bytes: u64,
    /// The deal's id, or that of a direct piece's allocation; empty where there is none.
    deal: String,
    /// The client's address; empty if it is not known.
    client: String,
    is_verified: bool,
    is_direct: bool,
    /// The epoch by which the piece must be proven; 0 if it is not known.
    pub start_epoch: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
/// A piece of a sector, as SectorsStatus.Pieces has it.
pub struct Piece {
    #[serde(default)]
    piece: Field<PieceInfo>,
    deal_info: Option<DealInfo>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct PieceInfo {
    size: Field<Int>,
    #[serde(rename = "PieceCID")]
    cid: Field<Link>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct DealInfo {
    #[serde(rename = "DealID")]
    deal_id: Field<Int>,
    deal_proposal: Option<DealProposal>,
    deal_schedule: Field<DealSchedule>,
    piece_activation_manifest: Option<PieceActivationManifest>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct DealProposal {
    verified_deal: bool,
    client: Field<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct DealSchedule {
    start_epoch: Field<Int>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct PieceActivationManifest {
    verified_allocation_key: Option<AllocationKey>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct AllocationKey {
    client: Field<Int>,
    #[serde(rename = "ID")]
    id: Field<Int>,
}

impl Piece {
    /// Whether a deal brought it, and not the need to fill the sector.
    pub fn is_data(&self) -> bool {
        self.deal_info.is_some()
    }

    /// Whether it is of a verified deal or a verified allocation.
    pub fn is_verified(&self) -> bool {
        self.deal_info.as_ref().is_some_and(|info| {
            let manifest = info.piece_activation_manifest.as_ref();
            info.deal_proposal.as_ref().is_some_and(|proposal| proposal.verified_deal)
                || manifest.is_some_and(|manifest| manifest.verified_allocation_key.is_some())
        })
    }

    /// What is published of it, where a deal brought it. `at` is how messages call the answer.
    pub fn of_deal(self, at: &str, problems: &mut Problems) -> Option<DealPiece> {
        let is_verified = self.is_verified();
        let info = self.deal_info?;
        let place = self.piece.take(&format!("{at}.Pieces.Piece"), problems)?;
        let cid = place.cid.take(&format!("{at}.Pieces.PieceCID"), problems)?;
        let bytes = place.size.take(&format!("{at}.Pieces.Size"), problems).and_then(Int::to_u64)?;
        let schedule = info.deal_schedule.take(&format!("{at}.Pieces.DealSchedule"), problems).unwrap_or_default();
        let start = schedule.start_epoch.take(&format!("{at}.Pieces.DealSchedule.StartEpoch"), problems);
        let start_epoch = start.and_then(Int::to_u64).and_then(|epoch| i64::try_from(epoch).ok()).unwrap_or_default();
        let piece = DealPiece { cid: cid.cid, bytes, is_verified, start_epoch, ..DealPiece::default() };
        let positive = |id: Option<Int>| id.filter(|id| id.0 > 0).map(|id| id.0.to_string()).unwrap_or_default();
        Some(match info.piece_activation_manifest {
            Some(manifest) => {
                let key = manifest.verified_allocation_key.unwrap_or_default();
                let client = positive(key.client.take(&format!("{at}.Pieces.VerifiedAllocationKey.Client"), problems));
                let deal = positive(key.id.take(&format!("{at}.Pieces.VerifiedAllocationKey.ID"), problems));
                let client = if client.is_empty() { client } else { format!("f0{client}") };
                DealPiece { deal, client, is_direct: true, ..piece }
            }
            None => {
                let deal = positive(info.deal_id.take(&format!("{at}.Pieces.DealID"), problems));
                let proposal = info.deal_proposal.unwrap_or_default();
                let client = proposal.client.take(&format!("{at}.Pieces.DealProposal.Client"), problems);
                DealPiece { deal, client: client.unwrap_or_default(), ..piece }
            }
        })
    }
}

/// Publishes a sector's pieces; `labels` are the miner and the sector.
pub fn expose(pieces: &[DealPiece], labels: [&str; 2], rank: f64, book: &AddressBook, samples: &mut Samples) {
    let [miner_id, number] = labels;
    // The same data may be in a sector more than once, with nothing to distinguish the pieces.
    let mut bytes: BTreeMap<[&str; 5], u64> = BTreeMap::new();
    for piece in pieces {
        let client = book.name(&[&piece.client]).unwrap_or(&piece.client);
        let verified = if piece.is_verified { "1" } else { "0" };
        let kind = if piece.is_direct { "direct" } else { "deal" };
        let sum = bytes.entry([&piece.cid, &piece.deal, client, verified, kind]).or_default();
        *sum = piece.bytes.saturating_add(*sum);
    }
    for ([cid, deal, client, verified, kind], bytes) in bytes {
        let labels = [miner_id, number, cid, deal, client, verified, kind];
        samples.add_row(&families::MINER_PIPELINE_PIECE_BYTES, labels, bytes, rank);
    }
}
