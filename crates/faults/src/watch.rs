//! Watches between the simulated server and a flow: per kind in order, each at its own pace, on connections that fail.
//!
//! The state machine is the one that ships ([`berth_watch`]); this file is its shell, in place of the IO of `live`. The
//! server sends JSON. Bodies arrive in pieces of any size and end anywhere, errors come as lines and as refusals,
//! continue tokens expire, and some servers cannot stream lists.

use std::collections::BTreeMap;

use berth_flow::{Input, SchedulingLoop};
use berth_model::object::{Kind, Object};
use berth_watch::{
    Command, Decoded, EventType, LineBuffer, OwnWrites, Request, WatchEvent, WatchState, decode,
};
use berth_wire::Decoder;
use bytes::Bytes;
use rustc_hash::FxHashMap;

use crate::plan::Fault;
use crate::server::Server;
use crate::world::FaultRng;

/// The watches of one scheduler.
pub struct Watches {
    kinds: BTreeMap<Kind, KindWatch>,
    /// Decides how connections fail. It is not that of the world: no failure of a connection changes anything else.
    chance: fastrand::Rng,
    /// Whether the server can stream the initial list.
    streams_lists: bool,
    own_writes: OwnWrites,
}

/// The watch on one kind.
#[derive(Debug, Default)]
struct KindWatch {
    state: WatchState,
    buffer: LineBuffer,
    /// The version up to which the open connection has sent everything; `None`: there is no connection.
    sent: Option<u64>,
    /// The version up to which everything was delivered; `None`: the list is not complete.
    delivered: Option<u64>,
    /// There is no delivery before this step.
    stalled_until: usize,
}

impl Watches {
    /// Watches that have not begun, with their own chance.
    pub fn new(seed: u64) -> Self {
        let mut chance = fastrand::Rng::with_seed(seed);
        let streams_lists = chance.u8(0..4) > 0;
        Self { kinds: BTreeMap::new(), chance, streams_lists, own_writes: OwnWrites::default() }
    }

    /// The inputs that the watches deliver in this step.
    pub fn deliver(
        &mut self,
        server: &Server,
        decoder: &mut DecodeCache,
        step: usize,
        rng: &mut FaultRng,
    ) -> Vec<Input> {
        let mut inputs = Vec::new();
        for kind in SchedulingLoop::KINDS {
            let watch = self.kinds.entry(kind).or_default();
            if watch.stalled_until > step {
                continue;
            }
            if rng.strikes(Fault::SlowWatch) {
                watch.stalled_until = step + rng.random.usize(2..15);
                continue;
            }
            let is_lost = watch.delivered.is_some() && rng.strikes(Fault::Relist);
            let (chance, own_writes) = (&mut self.chance, &mut self.own_writes);
            let connection = Connection { kind, server, watch, decoder, chance, own_writes };
            match connection.watch.delivered {
                Some(delivered) if !is_lost => {
                    let repeats = rng.strikes(Fault::RepeatedChanges);
                    let most = if rng.is_over() { usize::MAX } else { rng.random.usize(1..6) };
                    let upto = server
                        .changes_of(kind, delivered)
                        .nth(most)
                        .map_or(server.version(), |change| change.version - 1);
                    connection.follow(upto, repeats, &mut inputs);
                }
                seen => {
                    // The first list is a consistent read. Later ones may be old, but not older than what was delivered
                    // before (`resourceVersionMatch: NotOlderThan`).
                    let version = match seen {
                        Some(seen) if rng.strikes(Fault::StaleList) => {
                            rng.random.u64(seen..=server.version())
                        }
                        _ => server.version(),
                    };
                    connection.list(version, self.streams_lists, &mut inputs);
                }
            }
        }
        inputs
    }

    /// The version up to which all of these kinds were delivered.
    pub fn seen(&self, kinds: &[Kind]) -> u64 {
        let delivered = |kind: &Kind| self.kinds.get(kind).and_then(|watch| watch.delivered);
        kinds.iter().filter_map(delivered).min().unwrap_or_default()
    }

    /// The server has answered a write with the object. Returns what the scheduler receives for it.
    pub fn on_answer(&mut self, kind: Kind, object: &str, decoder: &mut DecodeCache) -> Option<Input> {
        let event = self.own_writes.on_answer(kind, Bytes::copy_from_slice(object.as_bytes()))?;
        decoder.input(kind, &event)
    }

    /// Whether all changes were delivered.
    pub fn are_current(&self, server: &Server) -> bool {
        SchedulingLoop::KINDS.iter().all(|kind| {
            let version = self.kinds.get(kind).and_then(|watch| watch.delivered);
            version.is_some_and(|version| server.changes_of(*kind, version).next().is_none())
        })
    }
}

/// A watch at work, with both ends of its connection.
struct Connection<'a> {
    kind: Kind,
    server: &'a Server,
    watch: &'a mut KindWatch,
    decoder: &'a mut DecodeCache,
    chance: &'a mut fastrand::Rng,
    own_writes: &'a mut OwnWrites,
}

impl Connection<'_> {
    /// Delivers the changes up to a version, each of them twice if the server repeats them.
    fn follow(mut self, upto: u64, mut repeats: bool, inputs: &mut Vec<Input>) {
        loop {
            let after = match self.watch.sent {
                Some(sent) => sent,
                None => match self.watch.state.request() {
                    Request::Watch { resource_version } => resource_version.parse().unwrap_or_default(),
                    _ => return, // the list begins with the next step
                },
            };
            let mut body = String::new();
            for change in self.server.changes_of(self.kind, after).take_while(|c| c.version <= upto) {
                (0..=u8::from(repeats)).for_each(|_| body.push_str(&change.line()));
            }
            if self.chance.u8(0..if body.is_empty() { 64 } else { 8 }) == 0 {
                body.push_str(&bookmark(upto, ""));
            }
            if self.send(&body, inputs) {
                self.watch.sent = Some(upto);
                self.watch.delivered = Some(upto);
                return;
            }
            repeats = false;
        }
    }

    /// Lists the kind as it was at a version. An open connection fails first.
    fn list(mut self, version: u64, streams_lists: bool, inputs: &mut Vec<Input>) {
        if self.watch.delivered.take().is_some() {
            self.expire(inputs);
        }
        let objects = self.server.json_at(self.kind, version);
        loop {
            let request = self.watch.state.request();
            if request.begins_list() {
                self.own_writes.on_listing(self.kind);
                inputs.push(Input::Listing(self.kind));
            }
            let is_done = match request {
                Request::WatchList if streams_lists => {
                    let lines = objects.iter().map(|object| line("ADDED", object));
                    let end = bookmark(version, r#","annotations":{"k8s.io/initial-events-end":"true"}"#);
                    let body = lines.chain([end]).collect::<String>();
                    let is_done = self.send(&body, inputs);
                    self.watch.sent = is_done.then_some(version);
                    is_done
                }
                Request::WatchList => {
                    self.watch.state.on_refusal(422, b"");
                    false
                }
                Request::List { continue_token } => self.page(&objects, version, &continue_token, inputs),
                // The connection ended after the list was complete.
                Request::Watch { .. } => true,
            };
            if is_done {
                self.watch.delivered = Some(version);
                return;
            }
        }
    }

    /// The version of the watch is too old: the server says so in a line, or when the watch is resumed.
    fn expire(&mut self, inputs: &mut Vec<Input>) {
        const STATUS: &str =
            r#"{"kind":"Status","code":410,"reason":"Expired","message":"too old resource version"}"#;
        if self.watch.sent.is_some() && self.chance.bool() {
            let error = if self.chance.bool() {
                line("ERROR", STATUS)
            } else {
                format!("{{\"object\":{STATUS},\"type\":\"ERROR\"}}\n")
            };
            let _ = self.send(&error, inputs); // it may break off before the error
        }
        self.watch.sent = None;
        self.watch.buffer = LineBuffer::default();
        self.watch.state.on_end();
        if !self.watch.state.request().begins_list() {
            self.watch.state.on_refusal(410, STATUS.as_bytes());
        }
    }

    /// A page of the list; `true`: it is the last one.
    fn page(&mut self, objects: &[String], version: u64, token: &str, inputs: &mut Vec<Input>) -> bool {
        if self.chance.u8(0..16) == 0 {
            let code = if token.is_empty() { 500 } else { 410 };
            self.watch.state.on_refusal(code, b"");
            return false;
        }
        let first: usize = token.parse().unwrap_or_default();
        let last = objects.len().min(first + self.chance.usize(1..9));
        let token = if last < objects.len() { last.to_string() } else { String::new() };
        let metadata = format!(r#"{{"resourceVersion":"{version}","continue":"{token}"}}"#);
        let body = format!(r#"{{"metadata":{metadata},"items":[{}]}}"#, objects[first..last].join(","));
        let page = self.watch.state.on_page(body.as_bytes(), "v1", self.kind.name());
        let page = page.expect("the server sends lists");
        page.events.iter().for_each(|event| self.pass_on(event, inputs));
        if page.listed {
            self.listed(inputs);
        }
        page.listed
    }

    /// Sends a body in pieces. `false`: the connection ended before all of it was read.
    fn send(&mut self, body: &str, inputs: &mut Vec<Input>) -> bool {
        let ends = self.chance.u8(0..if body.is_empty() { 128 } else { 16 }) == 0;
        let length = if ends { self.chance.usize(0..=body.len()) } else { body.len() };
        let mut rest = &body.as_bytes()[..length];
        while !rest.is_empty() {
            let (piece, others) = rest.split_at(rest.len().min(self.chance.usize(1..4_000)));
            rest = others;
            self.watch.buffer.push(piece);
            while let Some(line) = self.watch.buffer.next_line().expect("objects are small") {
                match self.watch.state.on_line(&line) {
                    Command::Deliver(event) => self.pass_on(&event, inputs),
                    Command::Listed => self.listed(inputs),
                    Command::Continue => {}
                    Command::Reconnect(_) => return self.close(),
                }
            }
        }
        if ends {
            self.watch.state.on_end();
            return self.close();
        }
        true
    }

    fn close(&mut self) -> bool {
        self.watch.buffer = LineBuffer::default();
        self.watch.sent = None;
        false
    }

    fn pass_on(&mut self, event: &WatchEvent, inputs: &mut Vec<Input>) {
        let event = self.own_writes.newest(self.kind, event);
        inputs.extend(self.decoder.input(self.kind, &event));
    }

    fn listed(&mut self, inputs: &mut Vec<Input>) {
        for event in self.own_writes.on_listed(self.kind, self.watch.state.version()) {
            inputs.extend(self.decoder.input(self.kind, &event));
        }
        inputs.push(Input::Listed(self.kind));
    }
}

/// Decodes the objects of watch events, each version once: the same version is delivered to several processes, and
/// again by every list.
#[derive(Default)]
pub struct DecodeCache {
    decoder: Decoder,
    applied: FxHashMap<Bytes, Object>,
}

impl DecodeCache {
    /// What a scheduler receives for an event; `None` if the object does not concern it.
    fn input(&mut self, kind: Kind, event: &WatchEvent) -> Option<Input> {
        if event.event_type != EventType::Deleted
            && let Some(object) = self.applied.get(&event.object)
        {
            return Some(Input::Applied(object.clone()));
        }
        Some(match decode(&mut self.decoder, kind, event) {
            Decoded::Applied(object) => {
                // A copy, since the event is a slice of a larger buffer.
                self.applied.insert(Bytes::copy_from_slice(&event.object), object.clone());
                Input::Applied(object)
            }
            Decoded::Deleted { key, .. } => Input::Deleted(key),
            Decoded::Unreadable { key, uid, problem } => Input::Unreadable { key, uid, problem },
            Decoded::Irrelevant => return None,
        })
    }
}

/// A line of a watch.
pub fn line(event_type: &str, object: &str) -> String {
    format!("{{\"type\":\"{event_type}\",\"object\":{object}}}\n")
}

fn bookmark(version: u64, more: &str) -> String {
    line("BOOKMARK", &format!(r#"{{"metadata":{{"resourceVersion":"{version}"{more}}}}}"#))
}
