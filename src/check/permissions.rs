//! Which permissions each token grants, and what each one that it lacks costs.

use super::findings::{Findings, Mark, Section};
use super::nodes::{self, Trouble};
use crate::discover::Kind;
use crate::rpc::{Granted, Node, lacks_permission};

/// What a permission is needed for.
struct Need {
    kind: Kind,
    permission: &'static str,
    /// What there is not without it.
    costs: &'static str,
    /// Whether collectors fail without it. Else they do with less.
    is_failure: bool,
}

/// What Lotus grants everybody.
const ANONYMOUS: &str = "read";

/// The one table of what is asked with which permission.
const NEEDS: &[Need] = &[
    Need { kind: Kind::Daemon, permission: "read", costs: "nothing about this node", is_failure: true },
    Need {
        kind: Kind::Daemon,
        permission: "write",
        costs: "the node's own wallets are not listed, only the miners' and the watched addresses",
        is_failure: false,
    },
    Need { kind: Kind::Daemon, permission: "admin", costs: "none of the node's own alerts", is_failure: false },
    Need { kind: Kind::Miner, permission: "read", costs: "nothing about this node", is_failure: true },
    Need {
        kind: Kind::Miner,
        permission: "admin",
        costs: "no workers, no jobs, no queue of the scheduler, no storage, and no alerts of lotus-miner's own",
        is_failure: true,
    },
    Need { kind: Kind::Boost, permission: "read", costs: "no peers and no bandwidth of Boost", is_failure: true },
];

/// Adds a finding for what each node grants, and for each permission that is missing. What calls were refused for is part of that.
pub fn add(nodes: &[Node], is_up: impl Fn(&str) -> bool, troubles: &mut Vec<Trouble>, findings: &mut Findings) {
    for node in nodes {
        let name = format!("{} {}", node.kind.as_str(), node.address);
        // Curio has no permissions: whoever reaches it may do everything.
        if !is_up(&name) || node.kind == Kind::Curio {
            continue;
        }
        let (by, granted) = match node.transport.granted() {
            Granted::Everything => continue,
            Granted::Anonymous => ("no token is given, which", vec![ANONYMOUS.to_owned()]),
            Granted::Token(Some(granted)) => ("the token", granted),
            Granted::Token(None) => {
                let what = format!("{name}: the token does not say what it grants");
                findings.add(Section::Permissions, Mark::Remark, what).node = Some(name);
                continue;
            }
        };
        let list = if granted.is_empty() { "nothing".to_owned() } else { granted.join(", ") };
        let of_kind = || NEEDS.iter().filter(|need| need.kind == node.kind);
        let lacking: Vec<&Need> = of_kind().filter(|need| granted.iter().all(|has| has != need.permission)).collect();
        if !lacking.iter().any(|need| need.is_failure) {
            let what = format!("{name}: {by} grants {list}");
            findings.add(Section::Permissions, Mark::Right, what).node = Some(name.clone());
        }
        for need in lacking {
            let refused = take_refused(&name, need.permission, troubles);
            let (calls, collectors) =
                refused.map_or_else(Default::default, |trouble| (trouble.calls(), trouble.collectors));
            let is_failure = need.is_failure || !collectors.is_empty();
            let mark = if is_failure { Mark::Wrong } else { Mark::Remark };
            let tool = node.kind.names().program;
            let what = format!(
                "{name}: {by} grants {list} and lacks `{0}`: {1}; make one that has it with `{tool} auth create-token --perm {0}`{2}",
                need.permission,
                need.costs,
                nodes::cost(calls, &collectors)
            );
            let finding = findings.add(Section::Permissions, mark, what);
            finding.calls = calls;
            finding.collectors = collectors.into_iter().collect();
            finding.node = Some(name.clone());
        }
    }
}

/// The messages about calls to a node that were refused for lack of a permission.
fn take_refused(node: &str, permission: &str, troubles: &mut Vec<Trouble>) -> Option<Trouble> {
    let said = lacks_permission(permission);
    let index = troubles.iter().position(|trouble| trouble.node == node && trouble.what.starts_with(&said))?;
    Some(troubles.remove(index))
}
