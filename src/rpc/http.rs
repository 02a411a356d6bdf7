//! JSON-RPC over HTTP: one keep-alive agent per node, timeouts on every step, bounded answers, and nothing that carries the token
//! elsewhere.

use std::io::{self, ErrorKind, Read};
use std::time::Duration;

use ureq::http::Response;
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Body, Error, Timeout};

use super::resolver::Once;
use super::{Cause, Granted, ReadAnswer, Transport};
use crate::base64;
use crate::discover::{Credential, Endpoint};

/// The longest body that is read, in bytes; what of it is kept is far less. Ureq is built without decompression, so these are also the bytes on
/// the wire.
const MAX_BODY_BYTES: u64 = 4 << 30;

/// What may follow an answer, to be read for the sake of the connection.
const MAX_BYTES_AFTER_ANSWER: u64 = 64 << 10;

/// What a connection buffers, in bytes, of requests and of answers; ureq's own sizes are made for fewer and larger ones.
const OUTPUT_BUFFER_BYTES: usize = 16 << 10;
const INPUT_BUFFER_BYTES: usize = 32 << 10;

/// A connection that is not there by now is not coming.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Talks to one endpoint.
pub struct Http {
    agent: Agent,
    base_url: String,
    authorization: Option<String>,
    secrets: Vec<String>,
    gone: Option<String>,
    granted: Granted,
}

/// The longest text that [`get`] reads, in bytes.
const MAX_TEXT_BYTES: u64 = 1 << 20;

fn agent() -> Agent {
    let config = Agent::config_builder()
        // A proxy out of the environment would be shown the token.
        .proxy(None)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .accept_encoding("identity")
        .user_agent(concat!("lotus-farcaster/", env!("CARGO_PKG_VERSION")))
        .output_buffer_size(OUTPUT_BUFFER_BYTES)
        .input_buffer_size(INPUT_BUFFER_BYTES)
        .timeout_resolve(Some(CONNECT_TIMEOUT))
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .build();
    Agent::with_parts(config, DefaultConnector::default(), Once::default())
}

/// Gets a short text, if it is there.
pub(crate) fn get(url: &str, timeout: Duration) -> Option<String> {
    let request = agent().get(url).config().timeout_global(Some(timeout)).build();
    let response = request.call().ok().filter(|response| response.status() == 200)?;
    response.into_body().into_with_config().limit(MAX_TEXT_BYTES).read_to_string().ok()
}

impl Http {
    /// Makes no connection yet.
    pub fn new(endpoint: &Endpoint) -> Self {
        Http {
            agent: agent(),
            base_url: endpoint.url.clone(),
            authorization: endpoint.credential.as_ref().map(authorization),
            secrets: secrets(endpoint),
            gone: endpoint.gone.clone(),
            granted: granted(endpoint),
        }
    }

    fn send(&self, url: &str, body: &[u8], timeout: Duration) -> Result<Response<Body>, Error> {
        let mut request = self.agent.post(url).header("Content-Type", "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        request.config().timeout_global(Some(timeout)).build().send(body)
    }

    fn cause(&self, error: Error, timeout: Duration) -> Cause {
        match error {
            Error::Timeout(Timeout::Connect | Timeout::Resolve) => {
                Cause::Unreachable("no connection in time".to_owned())
            }
            Error::Timeout(_) => Cause::TimedOut(timeout),
            Error::BodyExceedsLimit(_) => Cause::TooLarge(MAX_BODY_BYTES),
            Error::HostNotFound => Cause::Unreachable("no such host".to_owned()),
            Error::ConnectionFailed => Cause::Unreachable("connection failed".to_owned()),
            Error::Io(error) if is_connect_error(error.kind()) => Cause::Unreachable(self.redact(&error.to_string())),
            // A server without TLS, or with an untrusted certificate, will be the same the next time.
            Error::Io(error) if error.kind() == ErrorKind::InvalidData && self.base_url.starts_with("https:") => {
                let why = self.redact(&error.to_string());
                Cause::Unreachable(format!(
                    "TLS failed ({why}): it needs https, and a certificate from a public authority"
                ))
            }
            Error::TlsRequired => {
                Cause::Unreachable("https needs a build with the `tls` feature, which this one lacks".to_owned())
            }
            other => Cause::Failed(self.redact(&other.to_string())),
        }
    }
}

fn granted(endpoint: &Endpoint) -> Granted {
    match &endpoint.credential {
        None => Granted::Anonymous,
        Some(Credential::Token(token)) => Granted::by(token),
        Some(Credential::Basic(_)) => Granted::Token(None),
    }
}

fn authorization(credential: &Credential) -> String {
    match credential {
        Credential::Token(token) => format!("Bearer {}", token.reveal()),
        Credential::Basic(user) => format!("Basic {}", base64::encode(user.reveal().as_bytes())),
    }
}

/// What must not be printed. The path of a provider's URL may hold a key.
fn secrets(endpoint: &Endpoint) -> Vec<String> {
    let credential = endpoint.credential.iter().map(|credential| match credential {
        Credential::Token(secret) | Credential::Basic(secret) => secret.reveal().to_owned(),
    });
    let path = endpoint.url.splitn(4, '/').nth(3).map(str::to_owned);
    let mut secrets: Vec<String> = credential.chain(path).collect();
    secrets.retain(|secret| !secret.is_empty());
    secrets
}

impl Transport for Http {
    fn post(&self, path: &str, body: &[u8], timeout: Duration, read: ReadAnswer) -> Result<(), Cause> {
        let url = format!("{}{path}", self.base_url);
        let mut result = self.send(&url, body, timeout);
        // A kept connection may have been closed by the server in the meantime. Every call only reads, so asking again is safe.
        if let Err(Error::Io(error)) = &result
            && matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted)
        {
            result = self.send(&url, body, timeout);
        }
        let answer = result.and_then(|response| {
            let status = response.status().as_u16();
            let mut reader = response.into_body().into_with_config().limit(MAX_BODY_BYTES).reader();
            read(status, &mut reader)?;
            // A body that is read to its end leaves the connection for the next request.
            io::copy(&mut reader.take(MAX_BYTES_AFTER_ANSWER), &mut io::sink())?;
            Ok(())
        });
        answer.map_err(|error| self.cause(error, timeout))
    }

    fn gone(&self) -> Option<&str> {
        self.gone.as_deref()
    }

    fn granted(&self) -> Granted {
        self.granted.clone()
    }

    fn redact(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "[secret]"))
    }
}

fn is_connect_error(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::ConnectionRefused
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::NetworkDown
            | ErrorKind::AddrNotAvailable
    )
}
