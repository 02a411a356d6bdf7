//! Who receives alerts: files of secrets, one per receiver, and the Alertmanager settings that follow from them.
//!
//! Messages name the file and the field, and repeat nothing of the content.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::{Map, Value, json};

use crate::files;

/// Settings of one receiver, such as an element of `slack_configs`.
#[derive(Debug, PartialEq)]
pub struct Receiver {
    /// The list that it belongs to.
    pub list: &'static str,
    /// Its settings, in the order in which they are written.
    pub settings: Vec<(&'static str, Value)>,
}

/// Reads a file's content into settings, for alerts of a severity.
pub type Read = fn(&str, severity: &str) -> Result<Receiver>;

/// Every file that describes a receiver.
pub const FILES: &[(&str, Read)] = &[
    ("slack_webhook_url", slack),
    ("discord_webhook_url", discord),
    ("msteams_webhook_url", msteams),
    ("pagerduty_routing_key", pagerduty),
    ("webhook_url", webhook),
    ("ntfy_url", ntfy),
    ("apprise_url", apprise),
    ("matrix_hookshot_url", matrix),
    ("telegram.json", telegram),
    ("pushover.json", pushover),
    ("wecom.json", wecom),
    ("email.json", email),
];

/// The file of the receiver that gets the watchdog, and nothing else.
pub const WATCHDOG: (&str, Read) = ("watchdog_url", webhook);

/// Reads a receiver for alerts of a severity; `None` if there is no such file.
///
/// # Errors
///
/// The file cannot be read, or describes no receiver.
pub fn read(path: &Path, read: Read, severity: &str) -> Result<Option<Receiver>> {
    let file = path.display();
    let text = match files::read_configuration(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => bail!("{file} cannot be read ({error}): let this user read it, or remove it"),
    };
    ensure!(!text.trim().is_empty(), "{file} is empty: fill or remove it");
    let mut receiver = read(text.trim(), severity).with_context(|| file.to_string())?;
    // A PagerDuty incident stays open until it is resolved, whatever the severity.
    let sends_resolved = severity == "critical" || receiver.list == "pagerduty_configs";
    receiver.settings.push(("send_resolved", sends_resolved.into()));
    Ok(Some(receiver))
}

/// Like `CRITICAL: f01234 is winning no blocks`, or `CRITICAL f01234: 3 alerts` where they are not alike.
const TITLE: &str = "{{ if eq .Status \"firing\" }}{{ .CommonLabels.severity | toUpper }}{{ else }}RESOLVED{{ end }}\
    {{ with .CommonAnnotations.summary }}: {{ . }}{{ else }} \
    {{ with .CommonLabels.miner_id }}{{ . }}{{ else }}{{ .CommonLabels.instance }}{{ end }}: {{ len .Alerts }} alerts{{ end }}";

/// What is wrong and where to read on, for each alert; the summary only where the title does not have it.
const TEXT: &str = "{{ range .Alerts }}{{ if eq .Status \"resolved\" }}Resolved: {{ .Annotations.summary }}\n{{ else }}\
    {{ if not $.CommonAnnotations.summary }}{{ .Annotations.summary }}\n{{ end }}\
    {{ .Annotations.description }}\n{{ .Annotations.runbook_url }}\n\
    {{ with .Labels.dashboard }}{{ $.ExternalURL }}/d/farcaster-{{ . }}\n{{ end }}\n{{ end }}{{ end }}";

/// The dashboard that shows them, where one shows them all. Alertmanager's external URL is Grafana's.
const LINK: &str = "{{ .ExternalURL }}{{ with .CommonLabels.dashboard }}/d/farcaster-{{ . }}{{ end }}";

fn slack(text: &str, _: &str) -> Result<Receiver> {
    let settings = vec![
        ("api_url", url(text)?.into()),
        ("title", TITLE.into()),
        // The default leads to Alertmanager, which is not published.
        ("title_link", "".into()),
        ("fallback", TITLE.into()),
        ("text", TEXT.into()),
    ];
    Ok(Receiver { list: "slack_configs", settings })
}

fn discord(text: &str, _: &str) -> Result<Receiver> {
    let settings = vec![("webhook_url", url(text)?.into()), ("title", TITLE.into()), ("message", TEXT.into())];
    Ok(Receiver { list: "discord_configs", settings })
}

fn msteams(text: &str, _: &str) -> Result<Receiver> {
    let settings = vec![("webhook_url", url(text)?.into()), ("title", TITLE.into()), ("text", TEXT.into())];
    Ok(Receiver { list: "msteamsv2_configs", settings })
}

fn pagerduty(text: &str, severity: &str) -> Result<Receiver> {
    let is_key = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    ensure!(is_key, "it is not a routing key: 32 letters and digits, from an integration of type Events API v2");
    let settings = vec![("routing_key", text.into()), ("severity", severity.into()), ("description", TITLE.into())];
    Ok(Receiver { list: "pagerduty_configs", settings })
}

fn webhook(text: &str, _: &str) -> Result<Receiver> {
    Ok(Receiver { list: "webhook_configs", settings: vec![("url", url(text)?.into())] })
}

/// ntfy reads Alertmanager's own message where its template of that name is asked for.
fn ntfy(text: &str, _: &str) -> Result<Receiver> {
    let (address, query) = url(text)?.split_once('?').unwrap_or((text, ""));
    let topic = address.splitn(4, '/').nth(3).unwrap_or_default();
    ensure!(!topic.is_empty(), "the URL has no topic: expected e.g. https://ntfy.sh/TOPIC");
    let mut parameters: Vec<&str> = query.split('&').filter(|parameter| !parameter.is_empty()).collect();
    if !parameters.iter().any(|parameter| parameter.starts_with("template=")) {
        parameters.push("template=alertmanager");
    }
    let url = format!("{address}?{}", parameters.join("&"));
    Ok(Receiver { list: "webhook_configs", settings: vec![("url", url.into())] })
}

/// What a webhook gets instead of Alertmanager's own JSON. Alertmanager parses each finished text as YAML, and `CRITICAL: …` would be an
/// object: with a tab before it, it is not YAML, and stays as it is.
fn payload(fields: &[(&str, &str)]) -> Value {
    fields.iter().map(|(key, text)| ((*key).to_owned(), format!("\t{text}").into())).collect::<Map<_, _>>().into()
}

/// Apprise passes it on to whatever it knows. It takes no other word for the type, so that one may have no tab before it.
fn apprise(text: &str, severity: &str) -> Result<Receiver> {
    let kind = match severity {
        "critical" => "failure",
        "warning" => "warning",
        _ => "info",
    };
    let mut payload = payload(&[("title", TITLE), ("body", TEXT)]);
    payload["type"] = format!("{{{{ if eq .Status \"firing\" }}}}{kind}{{{{ else }}}}success{{{{ end }}}}").into();
    Ok(Receiver { list: "webhook_configs", settings: vec![("url", url(text)?.into()), ("payload", payload)] })
}

/// Hookshot, the bridge of Matrix' own makers, writes the text into a room.
fn matrix(text: &str, _: &str) -> Result<Receiver> {
    let payload = payload(&[("text", &format!("{TITLE}\n{TEXT}"))]);
    Ok(Receiver { list: "webhook_configs", settings: vec![("url", url(text)?.into()), ("payload", payload)] })
}

fn telegram(text: &str, _: &str) -> Result<Receiver> {
    let fields = Fields::read(text, &["bot_token", "chat_id"])?;
    let token = fields.text("bot_token")?;
    let is_token = token.split_once(':').is_some_and(|(id, key)| {
        let is_key = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) && !key.is_empty() && key.bytes().all(is_key)
    });
    ensure!(is_token, "bot_token is not a token: expected NUMBER:LETTERS, as BotFather gives it");
    let chat = fields.required("chat_id")?.as_i64().filter(|id| *id != 0);
    let chat = chat.context("chat_id is not a whole number without quotes, like 123456789 or -1001234567890")?;
    let settings = vec![
        ("bot_token", token.into()),
        ("chat_id", chat.into()),
        // Plain text, in which nothing has to be escaped.
        ("parse_mode", "".into()),
        ("message", format!("{TITLE}\n{TEXT}").into()),
    ];
    Ok(Receiver { list: "telegram_configs", settings })
}

fn pushover(text: &str, severity: &str) -> Result<Receiver> {
    let fields = Fields::read(text, &["token", "user_key"])?;
    let mut settings = Vec::new();
    for name in ["token", "user_key"] {
        let key = fields.text(name)?;
        let is_key = key.len() == 30 && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
        ensure!(is_key, "{name} is not valid: expected 30 letters and digits");
        settings.push((name, key.into()));
    }
    // High, which passes the quiet hours; normal; low, without a sound. That all is well again is low, too.
    let priority = match severity {
        "critical" => "{{ if eq .Status \"firing\" }}1{{ else }}-1{{ end }}",
        "warning" => "0",
        _ => "-1",
    };
    settings.extend([
        ("priority", priority.into()),
        ("title", TITLE.into()),
        ("message", TEXT.into()),
        ("url", LINK.into()),
        ("url_title", "Dashboard".into()),
    ]);
    Ok(Receiver { list: "pushover_configs", settings })
}

/// WeCom, which Alertmanager calls WeChat.
fn wecom(text: &str, _: &str) -> Result<Receiver> {
    const TO: [&str; 3] = ["to_user", "to_party", "to_tag"];
    let fields = Fields::read(text, &["corp_id", "agent_id", "api_secret", TO[0], TO[1], TO[2]])?;
    let mut settings = Vec::new();
    for name in ["corp_id", "agent_id", "api_secret"] {
        settings.push((name, fields.text(name)?.into()));
    }
    ensure!(
        TO.iter().any(|name| fields.has(name)),
        "no recipient is given: set to_user (@all for everyone), to_party or to_tag"
    );
    for name in TO.into_iter().filter(|name| fields.has(name)) {
        settings.push((name, fields.text(name)?.into()));
    }
    settings.push(("message", format!("{TITLE}\n{TEXT}").into()));
    Ok(Receiver { list: "wechat_configs", settings })
}

fn email(text: &str, _: &str) -> Result<Receiver> {
    let fields = Fields::read(text, &["smarthost", "from", "to", "username", "password"])?;
    let smarthost = fields.text("smarthost")?;
    let parts = smarthost.rsplit_once(':').filter(|(host, _)| is_host(host));
    let port = parts.and_then(|(_, port)| port.parse().ok()).filter(|port: &u16| *port > 0);
    ensure!(port.is_some(), "smarthost is not HOST:PORT, like mail.example:587");
    let mut settings = vec![("smarthost", smarthost.into())];
    for name in ["from", "to"] {
        let address = fields.text(name)?;
        ensure!(address.contains('@') && !address.contains("{{"), "{name} is not an e-mail address");
        settings.push((name, address.into()));
    }
    match (fields.has("username"), fields.has("password")) {
        (true, true) => {
            settings.push(("auth_username", fields.text("username")?.into()));
            settings.push(("auth_password", fields.text("password")?.into()));
        }
        (false, false) => {}
        (true, false) => bail!("password is missing beside username: give both or none"),
        (false, true) => bail!("username is missing beside password: give both or none"),
    }
    // There it is TLS from the first byte on. Older Alertmanagers request STARTTLS within that unless told not to, which no server offers.
    if port == Some(465) {
        settings.push(("require_tls", false.into()));
    }
    // The default is a page with links to Alertmanager.
    settings.extend([("headers", json!({ "Subject": TITLE })), ("html", "".into()), ("text", TEXT.into())]);
    Ok(Receiver { list: "email_configs", settings })
}

/// An object of JSON. Not read by serde's derive, whose messages would repeat a number in place of a text.
struct Fields(Map<String, Value>);

impl Fields {
    fn read(text: &str, known: &[&str]) -> Result<Fields> {
        let expected = || format!("expected an object with {}", known.join(", "));
        let value: Value = serde_json::from_str(text).map_err(|error| {
            anyhow!("it is not valid JSON at line {} column {}: {}", error.line(), error.column(), expected())
        })?;
        let Value::Object(fields) = value else {
            bail!("it is not a JSON object: {}", expected());
        };
        if let Some(unknown) = fields.keys().find(|name| !known.contains(&name.as_str())) {
            // A secret in the wrong place does not look like a field's name.
            let is_word = unknown.len() <= 20 && unknown.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            let name = if is_word { unknown.as_str() } else { "(its name is not repeated here)" };
            bail!("unknown field {name}: {}", expected());
        }
        Ok(Fields(fields))
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn required(&self, name: &str) -> Result<&Value> {
        self.0.get(name).with_context(|| format!("{name} is missing"))
    }

    fn text(&self, name: &str) -> Result<&str> {
        let text = self.required(name)?.as_str().with_context(|| format!("{name} is not text in quotes"))?;
        ensure!(!text.trim().is_empty(), "{name} is empty");
        ensure!(!text.chars().any(char::is_control), "{name} contains a line break or another control character");
        Ok(text)
    }
}

/// The text, where it is a URL that Alertmanager takes. It refuses a whole configuration for one that it does not.
fn url(text: &str) -> Result<&str> {
    let lower = text.to_ascii_lowercase();
    let rest = ["http://", "https://"].iter().find_map(|scheme| lower.strip_prefix(scheme));
    let rest = rest.context("it is not a URL that begins with https:// or http://")?;
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?@!$&'()*+,;=%[]".contains(&byte);
    ensure!(
        rest.bytes().all(valid),
        "the URL contains a space, a line break or another character that is not allowed in one"
    );
    let mut escapes = rest.split('%').skip(1);
    let is_escape = |escape: &str| escape.len() > 1 && escape.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    ensure!(escapes.all(is_escape), "the URL has a % without two digits after it");
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host_port = authority.rsplit_once('@').map_or(authority, |(_, host_port)| host_port);
    let (host, port) = match host_port.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (host_port, None),
    };
    ensure!(is_host(host), "the URL has no valid host");
    ensure!(port.is_none_or(|port| port.parse::<u16>().is_ok()), "the URL has a port that is not a number");
    Ok(text)
}

fn is_host(text: &str) -> bool {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    match text.strip_prefix('[').and_then(|v6| v6.strip_suffix(']')) {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !text.is_empty() && text.bytes().all(is_name),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// What a file with this content is wrong about.
    fn error(read: Read, text: &str) -> String {
        format!("{:#}", read(text, "critical").unwrap_err())
    }

    fn setting(read: Read, text: &str, key: &str) -> Value {
        let receiver = read(text, "critical").unwrap();
        receiver.settings.into_iter().find(|(name, _)| *name == key).unwrap().1
    }

    #[test]
    fn urls_that_alertmanager_accepts() {
        for text in [
            "https://hooks.slack.com/services/T00/B00/xyz",
            "HTTP://user:p%40ss@host:8080/a?b=c&d=[e]",
            "http://[::1]:9000/",
            "http://alert_hook",
        ] {
            assert_eq!(setting(webhook, text, "url"), text);
        }
        for (text, words) in [
            ("hooks.slack.com/services/S3CRET", "begins with https://"),
            ("ftp://host/S3CRET", "begins with https://"),
            ("https://", "no valid host"),
            ("https:///S3CRET", "no valid host"),
            ("https://?S3CRET", "no valid host"),
            ("https://ho[st/S3CRET", "no valid host"),
            ("https://host:port/S3CRET", "port"),
            ("https://host:99999/S3CRET", "port"),
            ("https://host/S3CRET two", "space"),
            ("https://host/S3CRET\nhttps://host/2", "line break"),
            ("https://host/S3CRETä", "another character"),
            ("https://host/S3CRET%2", "%"),
            ("https://host/S3CRET%zz", "%"),
        ] {
            let error = error(webhook, text);
            assert!(error.contains(words) && !error.contains("S3CRET"), "{text}: {error}");
        }
    }

    #[test]
    fn ntfy_is_asked_for_its_own_template() {
        for (text, expected) in [
            ("https://ntfy.sh/topic", "https://ntfy.sh/topic?template=alertmanager"),
            ("https://ntfy.sh/topic?", "https://ntfy.sh/topic?template=alertmanager"),
            ("https://ntfy.sh/topic?priority=5", "https://ntfy.sh/topic?priority=5&template=alertmanager"),
            ("https://ntfy.sh/topic?template=own&tags=x", "https://ntfy.sh/topic?template=own&tags=x"),
            ("http://u:p@10.0.0.5:80/t", "http://u:p@10.0.0.5:80/t?template=alertmanager"),
        ] {
            assert_eq!(setting(ntfy, text, "url"), expected);
        }
        for text in ["https://ntfy.sh", "https://ntfy.sh/", "https://ntfy.sh/?priority=5"] {
            assert!(error(ntfy, text).contains("no topic"), "{text}");
        }
    }

    #[test]
    fn telegram_and_email_say_which_field_is_wrong() {
        for (read, text, words) in [
            (telegram as Read, "{", "not valid JSON at line 1 column 1"),
            (telegram, "[\"S3CRET\"]", "not a JSON object"),
            (telegram, "{}", "bot_token is missing"),
            (telegram, r#"{"bot_token": 1537}"#, "bot_token is not text"),
            (telegram, r#"{"bot_token": ""}"#, "bot_token is empty"),
            (telegram, r#"{"bot_token": "S3CRET"}"#, "bot_token is not a token"),
            (telegram, r#"{"bot_token": "1:S3CRET"}"#, "chat_id is missing"),
            (telegram, r#"{"bot_token": "1:S3CRET", "chat_id": "1"}"#, "chat_id is not a whole number"),
            (telegram, r#"{"bot_token": "1:S3CRET", "chat_id": 1.5}"#, "chat_id is not a whole number"),
            (telegram, r#"{"bot_token": "1:S3CRET", "chat_id": 1, "chatid": 2}"#, "unknown field chatid: expected"),
            (telegram, r#"{"1:S3CRET": 1}"#, "unknown field (its name"),
            (email, r#"{"smarthost": "mail.example"}"#, "smarthost is not HOST:PORT"),
            (email, r#"{"smarthost": "mail.example:smtp"}"#, "smarthost is not HOST:PORT"),
            (email, r#"{"smarthost": "m:25", "from": "me"}"#, "from is not an e-mail"),
            (email, r#"{"smarthost": "m:25", "from": "a@b", "to": ["c@d"]}"#, "to is not text"),
            (email, r#"{"smarthost": "m:25", "from": "a@b", "to": "c@d", "username": "u"}"#, "password is missing"),
            (
                email,
                r#"{"smarthost": "m:25", "from": "a@b", "to": "c@d", "password": "S3CRET"}"#,
                "username is missing",
            ),
            (
                email,
                r#"{"smarthost": "m:25", "from": "a@b", "to": "c@d", "username": "u", "password": 1537}"#,
                "password is not text",
            ),
            (
                email,
                r#"{"smarthost": "m:25", "from": "a@b", "to": "c@d", "username": "u", "password": "S3CRET\n"}"#,
                "password contains a line break",
            ),
            (pagerduty, "S3CRET", "32 letters"),
            (pushover, r#"{"user_key": "u"}"#, "token is missing"),
            (pushover, r#"{"token": "S3CRET", "user_key": "u"}"#, "token is not valid: expected 30 letters"),
            (wecom, r#"{"corp_id": "c", "agent_id": 1537, "api_secret": "S3CRET"}"#, "agent_id is not text"),
            (wecom, r#"{"corp_id": "c", "agent_id": "1", "api_secret": "S3CRET"}"#, "no recipient is given"),
            (wecom, r#"{"corp_id": "c", "agent_id": "1", "api_secret": "S3CRET", "to_user": ""}"#, "to_user is empty"),
        ] {
            let error = error(read, text);
            assert!(error.contains(words), "{text}: {error}");
            assert!(!error.contains("S3CRET") && !error.contains("1537"), "{error}");
        }
    }
}
