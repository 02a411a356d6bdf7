//! stub, replaced by the farm
mod transport;
pub use transport::{Clock, answer, nodes};
pub struct Farm;
#[derive(Clone, Copy)]
pub enum Node {
    Daemon,
    Miner(usize),
}
impl Farm {
    pub fn new(_: u64) -> Farm {
        Farm
    }
    pub fn miner_count(&self) -> usize {
        2
    }
    pub fn answer(
        &self,
        _: Node,
        _: &str,
        _: &[serde_json::Value],
        _: f64,
    ) -> Result<serde_json::Value, (i64, String)> {
        Err((-32601, "x".into()))
    }
}
