//! The key with which data is proven, and its wallet.

use anyhow::Result;
use serde::Deserialize;
use serde_json::json;

use super::connect::Cluster;
use super::text::{short_fil, usdfc};
use crate::expose::{Samples, families};
use crate::lotus::address;
use crate::rpc::curio::{Curio, methods};
use crate::tolerant::{Field, Problems};

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Answer {
    configured: Field<bool>,
    fil_address: Option<String>,
    balance: Option<String>,
    usdfc_balance: Option<String>,
    balance_known: Field<bool>,
    usdfc_known: Field<bool>,
    funded: Field<bool>,
}

/// The key and its wallet; all absent where Curio cannot tell.
#[derive(Default)]
pub struct Facts {
    /// Whether there is a key.
    pub is_configured: Option<bool>,
    address: String,
    is_funded: Option<bool>,
    balance_fil: Option<f64>,
    balance_usdfc: Option<f64>,
}

pub fn fetch(curio: &Curio, problems: &mut Problems) -> Result<Facts> {
    let answer = problems.if_supported(curio.call::<Answer>(methods::PDP_KEY_STATUS, json!([])));
    let Some(answer) = answer else { return Ok(Facts::default()) };
    let mut flag = |field: Field<bool>, name| field.take(&format!("PDPKeyStatus.{name}"), problems);
    let is_configured = flag(answer.configured, "configured");
    let funded = flag(answer.funded, "funded");
    // A balance that could not be read is told as none.
    let is_balance_known = is_configured == Some(true) && flag(answer.balance_known, "balanceKnown") == Some(true);
    let is_usdfc_known = is_configured == Some(true) && flag(answer.usdfc_known, "usdfcKnown") == Some(true);
    Ok(Facts {
        is_configured,
        address: answer.fil_address.filter(|text| address::is_address(text)).unwrap_or_default(),
        is_funded: funded.filter(|_| is_balance_known),
        balance_fil: answer.balance.as_deref().and_then(short_fil).filter(|_| is_balance_known),
        balance_usdfc: answer.usdfc_balance.as_deref().and_then(usdfc).filter(|_| is_usdfc_known),
    })
}

pub fn expose(facts: &Facts, cluster: &Cluster, samples: &mut Samples) {
    // A cluster that only seals needs none.
    if facts.is_configured != Some(true) && !cluster.is_skiff() {
        return;
    }
    let of = cluster.name.as_str();
    samples.add(&families::PDP_KEY_CONFIGURED, [of], facts.is_configured);
    samples.add(&families::PDP_WALLET_FUNDED, [of], facts.is_funded);
    samples.add(&families::PDP_WALLET_BALANCE_FIL, [of, &facts.address], facts.balance_fil);
    samples.add(&families::PDP_WALLET_BALANCE_USDFC, [of, &facts.address], facts.balance_usdfc);
}
