//! Watches between the server and a flow: per kind in order, but each at its own pace, and not always whole.

use std::collections::BTreeMap;

use berth_flow::{Flow, Input};
use berth_model::object::Kind;

use crate::plan::Fault;
use crate::server::Server;
use crate::world::Luck;

/// How far one scheduler's watches are.
#[derive(Debug, Default)]
pub struct Watches {
    cursors: BTreeMap<Kind, Cursor>,
    /// By kind: no delivery before this step.
    stalled: BTreeMap<Kind, usize>,
}

/// How far one kind is.
#[derive(Clone, Copy, Debug, Default)]
struct Cursor {
    /// The version up to which it was told; `None`: nothing yet.
    version: Option<u64>,
    /// The watch is broken: the kind has to be listed.
    broken: bool,
}

impl Watches {
    /// What a flow is told in this step.
    pub fn deliver(&mut self, server: &Server, step: usize, luck: &mut Luck) -> Vec<Input> {
        let mut inputs = Vec::new();
        for kind in Flow::KINDS {
            if self.stalled.get(&kind).is_some_and(|until| *until > step) {
                continue;
            }
            if luck.strikes(Fault::SlowWatch) {
                self.stalled.insert(kind, step + luck.chance.usize(2..15));
                continue;
            }
            let cursor = self.cursors.entry(kind).or_default();
            cursor.broken |= cursor.version.is_some() && luck.strikes(Fault::Relist); // 410 Gone
            let Some(version) = cursor.version.filter(|_| !cursor.broken) else {
                let version = Some(list(kind, cursor.version, server, luck, &mut inputs));
                *cursor = Cursor { version, broken: false };
                continue;
            };
            let pending = server.since(version).iter().filter(|change| change.key.kind == kind);
            let again = luck.strikes(Fault::RepeatedChanges);
            let mut told = server.version();
            let most = if luck.is_over() { usize::MAX } else { luck.chance.usize(1..6) };
            for (number, change) in pending.enumerate() {
                if number == most {
                    told = change.version - 1;
                    break;
                }
                let input = match &change.object {
                    Some(object) => Input::Applied(object.clone()),
                    None => Input::Deleted(change.key.clone()),
                };
                if again {
                    inputs.push(input.clone());
                }
                inputs.push(input);
            }
            cursor.version = Some(told);
        }
        inputs
    }

    /// Whether everything was told.
    pub fn are_current(&self, server: &Server) -> bool {
        Flow::KINDS.iter().all(|kind| {
            let version = self.cursors.get(kind).and_then(|cursor| cursor.version);
            version.is_some_and(|v| server.since(v).iter().all(|change| change.key.kind != *kind))
        })
    }
}

/// Lists a kind; tells the version of the listing. The first listing is a consistent read. Later ones may be old, but not
/// older than what was told before (`resourceVersionMatch: NotOlderThan`).
fn list(kind: Kind, seen: Option<u64>, server: &Server, luck: &mut Luck, inputs: &mut Vec<Input>) -> u64 {
    let version = match seen {
        Some(seen) if luck.strikes(Fault::StaleList) => luck.chance.u64(seen..=server.version()),
        _ => server.version(),
    };
    inputs.push(Input::Listing(kind));
    inputs.extend(server.list_at(kind, version).into_iter().map(Input::Applied));
    inputs.push(Input::Listed(kind));
    version
}
