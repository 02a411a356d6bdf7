//! Money in the node's wallets, the miners' addresses and watched addresses.

use anyhow::Result;
use serde_json::json;

use super::connect::Daemon;
use super::identity;
use crate::address_book::AddressBook;
use crate::expose::{Samples, families};
use crate::lotus::address;
use crate::lotus::fil::Fil;
use crate::rpc::{Batch, Cause};
use crate::tolerant::{Int, List, Problems};

/// The wallets, each once.
pub struct Facts {
    pub wallets: Vec<Wallet>,
}

/// One address with money.
#[derive(Clone, Debug, Default)]
pub struct Wallet {
    /// The key address, or the id if there is no key.
    pub address: String,
    /// The id address, or empty where the chain does not know the address yet.
    pub id_address: String,
    /// The operator's name for it, else the miner's and the role, else empty.
    pub name: String,
    balance: Option<Fil>,
    datacap_bytes: Option<Int>,
}

impl Wallet {
    /// Whether a message with this sender or receiver is this wallet's.
    pub fn is(&self, address: &str) -> bool {
        address::same(&self.address, address)
            || (!self.id_address.is_empty() && address::same(&self.id_address, address))
    }
}

/// `miners` are the miners with their addresses, whose roles give names.
pub fn fetch(
    daemon: &Daemon,
    miners: &[(&str, &identity::Facts)],
    book: &AddressBook,
    problems: &mut Problems,
) -> Result<Facts> {
    let mut wallets: Vec<Wallet> = Vec::new();
    for (miner_id, identity) in miners {
        for role in &identity.addresses {
            let known = wallets.iter().any(|wallet| wallet.is(&role.address));
            if !known {
                wallets.push(Wallet {
                    address: role.address.clone(),
                    id_address: role.id_address.clone(),
                    name: identity::name_of(book, miner_id, role),
                    ..Wallet::default()
                });
            }
        }
    }
    // Listing the node's wallets takes the write permission; without it the miners' own addresses have to do.
    let mut batch = Batch::new();
    let listed = batch.add::<List<String>>("WalletList", json!([]));
    let answers = daemon.client.send(&batch);
    answers.reached()?;
    let listed = problems.if_allowed(answers.get(listed)).unwrap_or_default();
    let listed = listed.take("WalletList", problems);
    for address in listed.iter().chain(book.watched()) {
        let known = wallets.iter().any(|wallet| wallet.is(address));
        if !known && address::is_address(address) {
            wallets.push(Wallet { address: address.clone(), ..Wallet::default() });
        }
    }
    look_up(daemon, &mut wallets, problems);
    for wallet in &mut wallets {
        if let Some(name) = book.name(&[&wallet.address, &wallet.id_address]) {
            wallet.name = name.to_owned();
        }
    }
    // A watched id may turn out to be a wallet that is already there by its key.
    let mut seen: Vec<String> = Vec::new();
    wallets.retain(|wallet| {
        let is_new = wallet.id_address.is_empty() || !seen.contains(&wallet.id_address);
        seen.push(wallet.id_address.clone());
        is_new
    });
    Ok(Facts { wallets })
}

/// Fills in balances, datacap, and ids and keys that are not known yet.
fn look_up(daemon: &Daemon, wallets: &mut [Wallet], problems: &mut Problems) {
    let mut batch = Batch::new();
    let tickets: Vec<_> = wallets
        .iter()
        .map(|wallet| {
            let params = json!([wallet.address, daemon.tipset_key]);
            let is_id = address::actor_id(&wallet.address).is_some();
            let counterpart = if is_id { "StateAccountKey" } else { "StateLookupID" };
            let balance = batch.add::<Fil>("WalletBalance", json!([wallet.address]));
            let datacap = batch.add::<Option<Int>>("StateVerifiedClientStatus", params.clone());
            let counterpart = wallet.id_address.is_empty().then(|| batch.add::<String>(counterpart, params));
            let counterpart = counterpart.map(|ticket| batch.expect(ticket, Cause::is_refusal));
            (balance, batch.expect(datacap, Cause::is_refusal), counterpart)
        })
        .collect();
    let answers = daemon.client.send(&batch);
    for (wallet, (balance, datacap, counterpart)) in wallets.iter_mut().zip(tickets) {
        wallet.balance = problems.if_supported(answers.get(balance));
        // An address that the chain has not seen yet has neither datacap nor id, and the node returns an error.
        wallet.datacap_bytes = match answers.get(datacap) {
            Err(error) if error.cause.is_refusal() => None,
            other => problems.if_supported(other).flatten(),
        };
        let counterpart = counterpart.and_then(|ticket| match answers.get(ticket) {
            Err(error) if error.cause.is_refusal() => None,
            other => problems.if_supported(other),
        });
        let is_id = address::actor_id(&wallet.address).is_some();
        match counterpart {
            Some(key) if is_id => wallet.id_address = std::mem::replace(&mut wallet.address, key),
            Some(id) => wallet.id_address = id,
            None if is_id => wallet.id_address = wallet.address.clone(),
            None => {}
        }
    }
}

pub fn expose(facts: &Facts, samples: &mut Samples) {
    for wallet in &facts.wallets {
        let labels = [wallet.address.as_str(), &wallet.id_address, &wallet.name];
        samples.add(&families::WALLET_BALANCE_FIL, labels, wallet.balance);
        let datacap = wallet.datacap_bytes.filter(|Int(bytes)| *bytes != 0);
        samples.add(&families::WALLET_DATACAP_BYTES, labels, datacap);
    }
}
