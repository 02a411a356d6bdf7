//! The syntax in which Lotus names a node: `TOKEN:ADDRESS`, where the address is a multiaddr or a URL.
//!
//! It follows cli/util/apiinfo.go in Lotus, in its form since v1.36 (any token), which reads all older values too. Beyond what Lotus does,
//! it honours `/https`, allows `/http` and `/https` without a port, and accepts a URL that already ends in `/rpc/v1`.
//!
//! Errors are fixed texts that say what is wrong: no part of the value, which may be a token, can get into a message.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::Credential;
use crate::secret::Secret;

/// Base URL (as in [`super::Endpoint::url`]), and the credential that came with it.
type Address = (String, Option<Credential>);

/// Reads `TOKEN:ADDRESS` or `ADDRESS`. A token wins over the user and password of a URL.
pub(super) fn parse(text: &str) -> Result<Address, &'static str> {
    let (token, address) = match text.split_once(':') {
        Some((token, address)) if !text.starts_with('/') && !address.starts_with("//") => {
            (token.trim(), address.trim())
        }
        _ => ("", text),
    };
    let (url, credential) = parse_address(address)?;
    if token.is_empty() {
        return Ok((url, credential));
    }
    if !is_token(token) {
        return Err("the token contains characters that are not allowed in one");
    }
    Ok((url, Some(Credential::Token(Secret::new(token)))))
}

/// Reads a multiaddr or a URL, as the file `api` of a repo holds it.
pub(super) fn parse_address(text: &str) -> Result<Address, &'static str> {
    if text.starts_with('/') { Ok((parse_multiaddr(text)?, None)) } else { parse_url(text) }
}

/// An entry without what people copy along with it: `export`, the name of a variable, which is returned, and quotes. No token has any of
/// these: the `=` at the end of a token in base64 comes before the `:`.
pub(super) fn unwrapped(entry: &str) -> (Option<&str>, &str) {
    let bare = |text| str::trim_matches(text, |c: char| c.is_whitespace() || ['"', '\'', '\u{feff}'].contains(&c));
    let entry = bare(entry);
    let entry = entry.strip_prefix("export").filter(|rest| rest.starts_with([' ', '\t'])).map_or(entry, bare);
    match entry.split_once('=') {
        Some((name, rest)) if is_variable(name) && !bare(rest).starts_with([':', '=']) => {
            (Some(name.trim_end()), bare(rest))
        }
        _ => (None, entry),
    }
}

fn is_variable(name: &str) -> bool {
    let name = name.trim_end();
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Whether `text` can be a token: visible ASCII, as an HTTP header needs it.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn parse_multiaddr(text: &str) -> Result<String, &'static str> {
    let mut parts = text.trim_end_matches('/').split('/').skip(1).peekable();
    let mut next = || parts.next().unwrap_or_default();
    let host = match next() {
        "ip4" => ipv4(next().parse().map_err(|_| "the IPv4 address is wrong")?),
        "ip6" => ipv6(next())?,
        "ip6zone" => {
            let zone = next();
            if zone.is_empty() || !zone.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err("the zone must be the number of the interface, as `ip link` shows it");
            }
            if next() != "ip6" {
                return Err("/ip6 must follow the zone");
            }
            ipv6(next())?.replace(']', &format!("%{zone}]"))
        }
        "dns" | "dns4" | "dns6" => host_name(next())?,
        "unix" => return Err("unix sockets are not supported: let the node listen on TCP"),
        _ => return Err("the multiaddr starts with an unknown kind of address"),
    };
    let mut port = None;
    if parts.next_if_eq(&"tcp").is_some() {
        port = Some(port_number(parts.next().unwrap_or_default())?);
    }
    let (mut plain, mut secure) = (false, false);
    for part in parts {
        match part {
            "http" | "ws" => plain = true,
            "https" | "wss" | "tls" => secure = true,
            _ => return Err("the multiaddr ends in something other than tcp, http, ws or tls"),
        }
    }
    if port.is_none() && !plain && !secure {
        return Err("the port is missing");
    }
    Ok(base_url(secure, &host, port, ""))
}

fn parse_url(text: &str) -> Result<Address, &'static str> {
    let (scheme, rest) = text.split_once("://").ok_or("the address is neither a multiaddr nor a URL")?;
    let secure = match scheme.to_ascii_lowercase().as_str() {
        "http" | "ws" => false,
        "https" | "wss" => true,
        _ => return Err("the scheme of the URL is not http, https, ws or wss"),
    };
    if rest.contains(['?', '#']) {
        return Err("a URL with `?` or `#` is not supported");
    }
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    // An `@` after the first `/` is most likely a password with a raw `/`: then the part before it is not a host.
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:".contains(&byte);
    if !path.bytes().all(valid) {
        return Err("the path of the URL contains characters that must be percent-encoded");
    }
    let (user, authority) = match authority.rsplit_once('@') {
        Some((user, authority)) => (user, authority),
        None => ("", authority),
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port_number(port)?)),
        _ => (authority, None),
    };
    let host = match host.strip_prefix('[').and_then(|v6| v6.strip_suffix(']')) {
        Some(address) => ipv6(address)?,
        None => match host.parse() {
            Ok(address) => ipv4(address),
            Err(_) => host_name(host)?,
        },
    };
    Ok((base_url(secure, &host, port, base_path(path)), basic(user)?))
}

/// `user:password` of a URL, decoded, as the header `Authorization: Basic` requires it.
fn basic(user: &str) -> Result<Option<Credential>, &'static str> {
    if user.is_empty() {
        return Ok(None);
    }
    let mut decoded = percent_decode(user).ok_or("the user or password of the URL is not percent-encoded UTF-8")?;
    if !user.contains(':') {
        decoded.push(':');
    }
    Ok(Some(Credential::Basic(Secret::new(decoded))))
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(if byte == b'%' {
            let high = char::from(bytes.next()?).to_digit(16)?;
            let low = char::from(bytes.next()?).to_digit(16)?;
            u8::try_from(high * 16 + low).ok()?
        } else {
            byte
        });
    }
    String::from_utf8(decoded).ok()
}

/// The path without a trailing slash and without `/rpc/vN`, which each call appends.
fn base_path(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    ["/rpc/v0", "/rpc/v1", "/rpc/v2"]
        .iter()
        .find_map(|suffix| path.strip_suffix(suffix))
        .unwrap_or(path)
        .trim_end_matches('/')
}

/// The scheme's own port is left out, so that one node has one URL, and its `Host` header is what proxies expect.
fn base_url(secure: bool, host: &str, port: Option<u16>, path: &str) -> String {
    let (scheme, own) = if secure { ("https", 443) } else { ("http", 80) };
    match port.filter(|port| *port != own) {
        Some(port) => format!("{scheme}://{host}:{port}{path}"),
        None => format!("{scheme}://{host}{path}"),
    }
}

fn port_number(text: &str) -> Result<u16, &'static str> {
    match text.parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err("the port is not a number from 1 to 65535"),
    }
}

/// A node that listens on every address is reached on the loopback.
fn ipv4(address: Ipv4Addr) -> String {
    if address.is_unspecified() {
        return Ipv4Addr::LOCALHOST.to_string();
    }
    address.to_string()
}

fn ipv6(text: &str) -> Result<String, &'static str> {
    let address: Ipv6Addr = text.parse().map_err(|_| "the IPv6 address is wrong")?;
    if address.is_unspecified() {
        return Ok(format!("[{}]", Ipv6Addr::LOCALHOST));
    }
    Ok(format!("[{address}]"))
}

fn host_name(text: &str) -> Result<String, &'static str> {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if text.is_empty() || !text.bytes().all(valid) {
        return Err("the host name is missing or wrong");
    }
    Ok(text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> String {
        match parse(text) {
            Ok((url, None)) => url,
            Ok((_, Some(_))) => panic!("{text:?} has a credential"),
            Err(reason) => panic!("{text:?}: {reason}"),
        }
    }

    fn token(text: &str) -> (String, String) {
        match parse(text) {
            Ok((url, Some(Credential::Token(token)))) => (token.reveal().to_owned(), url),
            other => panic!("{text:?} has no token: {other:?}"),
        }
    }

    fn basic(text: &str) -> (String, String) {
        match parse(text) {
            Ok((url, Some(Credential::Basic(user)))) => (user.reveal().to_owned(), url),
            other => panic!("{text:?} has no user: {other:?}"),
        }
    }

    fn pair(left: &str, right: &str) -> (String, String) {
        (left.to_owned(), right.to_owned())
    }

    /// The values of cli/util/apiinfo_test.go in Lotus.
    #[test]
    fn the_values_that_lotus_tests() {
        assert_eq!(token("tok:/ip6/::1/tcp/1234"), pair("tok", "http://[::1]:1234"));
        assert_eq!(token("key:wss://host"), pair("key", "https://host"));
        assert_eq!(token("KEY:https://api.node.glif.io/rpc/v1"), pair("KEY", "https://api.node.glif.io"));
        assert_eq!(url("/ip4/127.0.0.1/tcp/1234"), "http://127.0.0.1:1234");
        assert_eq!(url("wss://host"), "https://host");
        assert_eq!(url("ws://host:1234/rpc/v1"), "http://host:1234");
        assert_eq!(basic("http://user:pass@host:1234/path"), pair("user:pass", "http://host:1234/path"));
        assert!(parse("").is_err());
    }

    #[test]
    fn tokens_old_and_new() {
        let jwt = "eyJhbGciOiJIUzI1NiIs.eyJBbGxvdyI6WyJyZWFkIl19.b-7_x";
        assert_eq!(token(&format!("{jwt}:/ip4/10.0.0.2/tcp/1234/http")), pair(jwt, "http://10.0.0.2:1234"));
        assert_eq!(token(&format!("{jwt}:ws://10.0.0.2:1234")), pair(jwt, "http://10.0.0.2:1234"));
        assert_eq!(token("s3cr3t:http://host:1"), pair("s3cr3t", "http://host:1"));
        assert_eq!(token("s3cr3t:http://user:pass@host:1"), pair("s3cr3t", "http://host:1"), "the token wins");
        assert_eq!(url(":/ip4/10.0.0.2/tcp/1234"), "http://10.0.0.2:1234");
        assert!(parse("two words:/ip4/10.0.0.2/tcp/1234").is_err());
        assert!(parse("jetön:/ip4/10.0.0.2/tcp/1234").is_err());
    }

    #[test]
    fn multiaddrs() {
        for (text, expected) in [
            ("/ip4/127.0.0.1/tcp/1234/http", "http://127.0.0.1:1234"),
            ("/ip4/127.0.0.1/tcp/1234/http/", "http://127.0.0.1:1234"),
            ("/ip4/127.0.0.1/tcp/1234/ws", "http://127.0.0.1:1234"),
            ("/ip4/127.0.0.1/tcp/1234/https", "https://127.0.0.1:1234"),
            ("/ip4/127.0.0.1/tcp/1234/wss", "https://127.0.0.1:1234"),
            ("/ip4/127.0.0.1/tcp/1234/tls/ws", "https://127.0.0.1:1234"),
            ("/dns/lotus.lan/tcp/1234/http", "http://lotus.lan:1234"),
            ("/dns4/Lotus-0.lan/tcp/1234", "http://lotus-0.lan:1234"),
            ("/dns6/lotus_0/tcp/1234", "http://lotus_0:1234"),
            ("/dns/api.example/https", "https://api.example"),
            ("/dns/api.example/tcp/443/https", "https://api.example"),
            ("/dns/api.example/tcp/443/http", "http://api.example:443"),
            ("/dns/api.example/http", "http://api.example"),
            ("/ip6/2001:DB8:0::1/tcp/2345/http", "http://[2001:db8::1]:2345"),
            ("/ip6zone/2/ip6/fe80::1/tcp/1234", "http://[fe80::1%2]:1234"),
        ] {
            assert_eq!(url(text), expected, "{text}");
        }
    }

    #[test]
    fn urls() {
        for (text, expected) in [
            ("http://127.0.0.1:1234", "http://127.0.0.1:1234"),
            ("HTTPS://Api.Example", "https://api.example"),
            ("https://api.example:443/", "https://api.example"),
            ("http://[::1]:1234/rpc/v0", "http://[::1]:1234"),
            ("http://[2001:db8::1]", "http://[2001:db8::1]"),
            ("https://api.example/lotus/rpc/v1/", "https://api.example/lotus"),
            ("https://api.example/rpc/v2", "https://api.example"),
            ("https://api.example/rpc/v3", "https://api.example/rpc/v3"),
            ("https://api.example/a/key//", "https://api.example/a/key"),
            ("http://@host:1234", "http://host:1234"),
        ] {
            assert_eq!(url(text), expected, "{text}");
        }
    }

    #[test]
    fn users_of_urls_are_decoded_and_kept_apart() {
        for (text, user, expected) in [
            ("https://u:p%40s%3as@host/x", "u:p@s:s", "https://host/x"),
            ("https://u:p@ss@host", "u:p@ss", "https://host"),
            ("https://u@host", "u:", "https://host"),
            ("https://:key@host", ":key", "https://host"),
            ("http://u:%C3%BC@[::1]:80", "u:ü", "http://[::1]"),
        ] {
            assert_eq!(basic(text), pair(user, expected), "{text}");
        }
        for text in ["http://u:%zz@host", "http://u:%4@host", "http://u:%ff@host"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn wildcards_are_reached_on_the_loopback() {
        assert_eq!(url("/ip4/0.0.0.0/tcp/2345/http"), "http://127.0.0.1:2345");
        assert_eq!(url("/ip6/::/tcp/2345/http"), "http://[::1]:2345");
        assert_eq!(url("http://0.0.0.0:2345"), "http://127.0.0.1:2345");
        assert_eq!(url("http://[::]:2345/rpc/v0"), "http://[::1]:2345");
    }

    #[test]
    fn what_is_wrong_is_reported() {
        for (text, reason) in [
            ("localhost:1234", "neither a multiaddr nor a URL"),
            ("127.0.0.1", "neither a multiaddr nor a URL"),
            ("tok:", "neither a multiaddr nor a URL"),
            ("tok:ftp://host", "scheme"),
            ("tok:/unix/run/lotus.sock", "unix sockets"),
            ("/ip4/127.0.0.1", "port is missing"),
            ("/dns/host", "port is missing"),
            ("/ip4/127.0.0.1/tcp", "port is not a number"),
            ("/ip4/127.0.0.1/tcp/0", "port is not a number"),
            ("/ip4/127.0.0.1/tcp/65536", "port is not a number"),
            ("http://host:/x", "port is not a number"),
            ("/ip4/127.0.0.1/udp/1234", "something other than tcp"),
            ("/ip4/127.0.0.1/tcp/1234/p2p/12D3", "something other than tcp"),
            ("/ip4/256.0.0.1/tcp/1234", "IPv4"),
            ("/ip4//tcp/1234", "IPv4"),
            ("/ip6/::g/tcp/1234", "IPv6"),
            ("http://[::1", "host name"),
            ("http://[fe80::1%25eth0]:1234", "IPv6"),
            ("/ip6zone/eth0/ip6/fe80::1/tcp/1234", "`ip link`"),
            ("/ip6zone/2/ip4/1.2.3.4/tcp/1234", "must follow the zone"),
            ("/dnsaddr/host/tcp/1234", "unknown kind"),
            ("/", "unknown kind"),
            ("http://", "host name"),
            ("http://ho st:1234", "host name"),
            ("https://host/rpc/v1?token=abc", "`?` or `#`"),
            ("https://u:12/3@host", "percent-encoded"),
        ] {
            match parse(text) {
                Err(error) => assert!(error.contains(reason), "{text}: {error}"),
                Ok((url, _)) => panic!("{text} was taken for {url}"),
            }
        }
    }
}
