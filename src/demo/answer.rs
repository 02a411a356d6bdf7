//! The answer to a call.

use serde_json::Value;

/// The code and message of a JSON-RPC error, as a real node returns it.
pub type RpcError = (i64, String);

/// The answer to a call.
pub type Answer = Result<Value, RpcError>;

/// An error of the application, code 1.
pub(super) fn failed(message: impl Into<String>) -> Answer {
    Err((1, message.into()))
}

/// Why a node has no such call: go-jsonrpc's codes and words.
pub(super) fn refused(methods: &[(&str, usize)], method: &str, given: usize) -> RpcError {
    let name = method.strip_prefix("Filecoin.").unwrap_or_default();
    match methods.iter().find(|(known, _)| *known == name) {
        Some((_, wanted)) => (-32602, format!("wrong param count (method '{method}'): {given} != {wanted}")),
        None => (-32601, format!("method '{method}' not found")),
    }
}
