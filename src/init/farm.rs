//! `init-edge` and `init-centre`: what the programs of VictoriaMetrics need at a site and in the centre. One file for each site, named after
//! it, holds the token with which that site sends, and is all that the centre has to be told of it.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Result, anyhow, bail, ensure};
use serde_json::json;

use super::Report;
use crate::secret::Secret;
use crate::{files, textfile};

/// The token of a site, at that site.
pub const TOKEN: &str = "centre_token";

/// The authority that signed the centre's certificate, where no public one did.
pub const AUTHORITY: &str = "centre_ca.pem";

/// The centre's certificate and its key.
pub const CERTIFICATE: [&str; 2] = ["centre_cert.pem", "centre_key.pem"];

/// The folder of the sites' tokens, in the centre.
pub const SITES: &str = "sites";

/// A shorter token can be guessed.
const SHORTEST: usize = 16;

/// A name is a label's value and stands in a URL.
const LONGEST_NAME: usize = 64;

/// Copies to `out` the token in `secrets`, and the authority where there is one.
///
/// # Errors
///
/// There is no good token, or `out` cannot be written.
pub fn edge(secrets: &Path, out: &Path) -> Result<Report> {
    let path = secrets.join(TOKEN);
    let token = token(&path)?;
    textfile::replace(&out.join(TOKEN), token.reveal().as_bytes(), 0o440)?;
    let mut report = Report::default();
    report.done.push(format!("{} is the token that this site sends with", path.display()));
    if copy(secrets, AUTHORITY, out)? {
        report.done.push(format!("the centre's certificate may be signed by {AUTHORITY}"));
    }
    Ok(report)
}

/// Writes to `out` the configuration of vmauth, which lets each site write to `store` under its own name and do nothing else, and the rules
/// that say which sites are expected.
///
/// # Errors
///
/// No site has a good token, or `out` cannot be written.
pub fn centre(secrets: &Path, store: &str, out: &Path) -> Result<Report> {
    let folder = secrets.join(SITES);
    let mut report = Report::default();
    let (mut users, mut rules, mut names) = (Vec::new(), Vec::new(), Vec::new());
    let mut tokens: Vec<Secret> = Vec::new();
    for name in site_names(&folder)? {
        let path = folder.join(&name);
        if !is_name(&name) {
            report.wrong.push(format!(
                "{} is ignored: a site's name has at most {LONGEST_NAME} letters, digits, `.`, `_` and `-`, and begins with a letter or digit",
                path.display()
            ));
            continue;
        }
        // One that cannot send is expected all the same, so that its silence is noticed.
        rules.push(json!({"record": "own:farcaster_site:info", "expr": "vector(1)", "labels": {"site": name}}));
        match token(&path).and_then(|token| {
            let is_new = tokens.iter().all(|other| other.reveal() != token.reveal());
            ensure!(is_new, "{} holds the token of another site: write one of its own to it", path.display());
            Ok(token)
        }) {
            Ok(token) => {
                let prefix = format!("{}/?extra_label=site={name}", store.trim_end_matches('/'));
                users.push(json!({
                    "name": name,
                    "bearer_token": token.reveal(),
                    "url_map": [{"src_paths": ["/api/v1/write"], "url_prefix": prefix}],
                }));
                tokens.push(token);
                names.push(name);
            }
            Err(error) => report.wrong.push(format!("{error:#}; {name} cannot send until then")),
        }
    }
    // JSON is YAML, too.
    let rules = json!({"groups": [{"name": "farcaster-sites", "rules": rules}]});
    textfile::replace(&out.join("sites.yaml"), format!("{rules:#}\n").as_bytes(), 0o440)?;
    // Without sites too: one whose token was taken away must not go on sending.
    let auth = json!({ "users": users });
    textfile::replace(&out.join("vmauth.yml"), format!("{auth:#}\n").as_bytes(), 0o440)?;
    if users.is_empty() {
        let wrong: String = report.wrong.iter().map(|line| format!("; {line}")).collect();
        bail!("no site can send: write the token of each to {}/NAME{wrong}", folder.display());
    }
    report.done.push(format!("sites that may send, and are expected to: {}", names.join(", ")));
    let copied = CERTIFICATE.iter().map(|name| copy(secrets, name, out)).collect::<Result<Vec<bool>>>()?;
    match copied.as_slice() {
        [true, true] => report.done.push(format!("{} are there for TLS", CERTIFICATE.join(" and "))),
        [false, false] => {}
        _ => report.wrong.push(format!("of {}, only one is in {}", CERTIFICATE.join(" and "), secrets.display())),
    }
    Ok(report)
}

/// Files in the folder of sites, sorted, but for what an editor or a README leaves there.
fn site_names(folder: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => bail!("{} cannot be listed ({error}): let this user read it", folder.display()),
    };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names
        .filter(|name| !name.starts_with('.') && !name.ends_with('~') && !name.to_lowercase().starts_with("readme"))
        .collect();
    names.sort();
    Ok(names)
}

fn is_name(name: &str) -> bool {
    let is_fit = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    name.len() <= LONGEST_NAME && name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(is_fit)
}

/// The token in a file.
fn token(path: &Path) -> Result<Secret> {
    let file = path.display();
    let text = files::read_configuration(path).map_err(|error| {
        anyhow!("{file} cannot be read ({error}): write to it the token that the site and the centre share")
    })?;
    let token = text.trim();
    ensure!(!token.is_empty(), "{file} is empty: write to it the token that the site and the centre share");
    ensure!(
        token.bytes().all(|byte| byte.is_ascii_graphic()),
        "{file} holds more than one line of letters, digits and signs: write one token to it"
    );
    ensure!(token.len() >= SHORTEST, "{file} holds a token of fewer than {SHORTEST} characters: write a longer one");
    Ok(Secret::new(token))
}

/// Copies a file in PEM, if it is there.
fn copy(secrets: &Path, name: &str, out: &Path) -> Result<bool> {
    let path = secrets.join(name);
    let file = path.display();
    let text = match files::read_configuration(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => bail!("{file} cannot be read ({error}): let this user read it, or remove it"),
    };
    ensure!(text.contains("-----BEGIN "), "{file} is not in PEM: write it with its BEGIN and END lines, or remove it");
    textfile::replace(&out.join(name), text.as_bytes(), 0o440)?;
    Ok(true)
}
