//! What can go wrong with a call, in words that name the node, the method and the remedy.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use super::curio;
use crate::tolerant::{Line, SaidBefore};

/// A call that brought no usable answer.
#[derive(Clone, Debug)]
pub struct CallError {
    /// How messages call the node, like `miner 127.0.0.1:2345`.
    pub node: String,
    /// The miner or the address that was asked about; empty where there is none.
    pub about: String,
    /// The method without its `Filecoin.` prefix.
    pub method: Cow<'static, str>,
    /// What happened.
    pub cause: Cause,
}

/// Why a call brought no usable answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// No connection could be made.
    Unreachable(String),
    /// The connection broke, or could not be used.
    Failed(String),
    /// No whole answer within this time.
    TimedOut(Duration),
    /// The time of this run was used up before the call was sent.
    BudgetSpent,
    /// Not asked, because the node did not answer, or answered without end, earlier in this run.
    GivenUp,
    /// Not asked, because what names the node no longer says how to reach it. The text is the whole message.
    Gone(String),
    /// HTTP 401: the token is not one of this node's.
    BadToken,
    /// The token lacks this permission (`read`, `write`, `sign` or `admin`).
    NeedsPermission(String),
    /// The node has no such method.
    NoSuchMethod,
    /// The node answered this JSON-RPC error.
    Refused {
        /// The JSON-RPC error code; 1 is Lotus' generic one.
        code: i64,
        /// The node's words.
        message: String,
    },
    /// An HTTP status instead of a JSON-RPC answer.
    Http(u16),
    /// The answer is longer than this many bytes.
    TooLarge(u64),
    /// HTTP 200, but no JSON-RPC answer; it starts with this.
    NotJsonRpc(String),
    /// The batch was answered, this call in it was not.
    NoAnswer,
    /// The answer is JSON of another shape than the method has.
    Shape(String),
}

impl Cause {
    /// Reads a JSON-RPC error as Lotus (code 1 and a sentence) and Forest (codes of their own) write it.
    pub fn from_error_object(code: i64, message: &str) -> Self {
        if code == -32601 {
            return Cause::NoSuchMethod;
        }
        if message.starts_with("missing permission") {
            let need = message.split("(need '").nth(1);
            let need = need.and_then(|rest| rest.split('\'').next());
            return Cause::NeedsPermission(need.unwrap_or("admin").to_owned());
        }
        Cause::Refused { code, message: one_line(message) }
    }

    /// Whether the node simply does not have what was asked for, as older Lotus versions, Forest and gateways do.
    pub fn is_missing_method(&self) -> bool {
        *self == Cause::NoSuchMethod
    }

    /// Whether the node understood the call, and answered with an error.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Cause::Refused { .. })
    }

    /// Whether it is about the node as a whole, whatever it was asked.
    pub fn is_of_node(&self) -> bool {
        use Cause::{BadToken, GivenUp, Gone, Http, NotJsonRpc, Unreachable};
        matches!(self, BadToken | GivenUp | Gone(_) | Http(_) | NotJsonRpc(_) | Unreachable(_))
    }

    /// Whether it was the node that answered, if only with an error, and not the network, a proxy or silence.
    pub fn is_answer(&self) -> bool {
        matches!(self, Cause::NoSuchMethod | Cause::NeedsPermission(_) | Cause::Refused { .. } | Cause::Shape(_))
    }
}

impl From<&CallError> for Line {
    fn from(CallError { node, about, method, cause }: &CallError) -> Line {
        let tool = match node.split(' ').next() {
            Some("miner") => "lotus-miner",
            Some("boost") => "boostd",
            Some("curio") => "curio",
            _ => "lotus",
        };
        let token = |need: &str| format!("`{tool} auth create-token --perm {need}`");
        let what = match cause {
            Cause::Unreachable(why) => format!("cannot connect: {why}; is it running, and is this its address?"),
            // The reason was reported when the node was given up.
            Cause::GivenUp => String::new(),
            Cause::Gone(why) => return why.as_str().into(),
            Cause::BadToken => {
                // The permission with which everything is there.
                let need = if tool == "lotus" { "write" } else { "admin" };
                format!("refuses the token (HTTP 401); make a new one with {}", token(need))
            }
            Cause::Failed(why) => why.clone(),
            Cause::TimedOut(after) => {
                let asks_another = tool == "curio" && curio::Method::asks_the_chain(method);
                let who = if asks_another { "Curio, or the full node that it asks," } else { "the node" };
                format!(
                    "no complete answer within {:.1} s; {who} is overloaded or stuck (a longer --timeout gives it more time)",
                    after.as_secs_f64()
                )
            }
            Cause::BudgetSpent => {
                "not asked, because the time of this run is used up (a longer --timeout gives it more)".to_owned()
            }
            Cause::NeedsPermission(need) => {
                format!("{}; make one that has it with {}", lacks_permission(need), token(need))
            }
            Cause::NoSuchMethod => "the node has no such method".to_owned(),
            Cause::Refused { message, .. } if is_about_missing_miner(method, about, message) => {
                let what = format!("has no such miner {about}; correct --miner-id, or ask a full node of its network");
                return Line { node: node.clone(), what, ..Line::default() };
            }
            Cause::Refused { code, message } => {
                let remedy = match message.as_str() {
                    text if text.contains("actor not found") => "; this network has no such actor",
                    text if text.starts_with("failed to connect to") && tool == "curio" => "; is its database running?",
                    _ => "",
                };
                format!("the node answered \"{message}\" (error {code}){remedy}")
            }
            Cause::Http(status) => format!("answers HTTP {status} instead of JSON-RPC; {}", http_remedy(*status)),
            Cause::TooLarge(limit) => format!("the answer is longer than {limit} bytes, and was dropped"),
            Cause::NotJsonRpc(start) => {
                let program = if tool == "curio" { "Curio" } else { "Lotus" };
                format!(
                    "is not {program}: the answer is not JSON-RPC (it starts with {start:?}); is this the API's address?"
                )
            }
            Cause::NoAnswer => "the node left this call unanswered".to_owned(),
            Cause::Shape(why) => {
                format!("the answer has an unknown shape: {why}; please report it with the node's version")
            }
        };
        let call = (!cause.is_of_node()).then(|| method.clone());
        let about = if call.is_some() { about.clone() } else { String::new() };
        Line { node: node.clone(), about, call, what, is_remark: false }
    }
}

impl From<CallError> for Line {
    fn from(error: CallError) -> Line {
        Line::from(&error)
    }
}

impl From<anyhow::Error> for Line {
    fn from(error: anyhow::Error) -> Line {
        if error.is::<SaidBefore>() {
            return Line::default();
        }
        match error.downcast_ref::<CallError>() {
            Some(call) if error.chain().len() == 1 => call.into(),
            _ => format!("{error:#}").into(),
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = Line::from(self);
        if line.what.is_empty() {
            return write!(f, "{}: not asked any further in this run", self.node);
        }
        line.fmt(f)
    }
}

impl std::error::Error for CallError {}

/// The message that a permission is missing.
pub fn lacks_permission(need: &str) -> String {
    format!("the token lacks the `{need}` permission")
}

/// Whether a full node reports that the miner it was asked about does not exist.
fn is_about_missing_miner(method: &str, about: &str, message: &str) -> bool {
    let of_miner = ["MinerGetBaseInfo", "StateReadState", "StateMarketBalance"];
    message.contains("actor not found")
        && (about.starts_with("f0") || about.starts_with("t0"))
        && (method.starts_with("StateMiner") || of_miner.contains(&method))
}

fn http_remedy(status: u16) -> &'static str {
    match status {
        300..=399 => "redirects are not followed: give the final address",
        404 => "check the path in the address",
        413 => "a proxy in front of the node limits the size of requests",
        429 => "the node limits the rate of requests: ask it less often with --interval",
        502..=504 => "a proxy in front of the node cannot reach it",
        _ => "see the node's log",
    }
}

/// The first line of a text, at most 200 characters of it.
pub(super) fn one_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(200).collect()
}
