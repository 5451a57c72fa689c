//! The entries of a recording. Each one is a line of JSON.

use std::collections::BTreeMap;

use berth_engine::tie_break::TieBreak;
use berth_flow::{Answer, Failure, FailureKind, Input, NodeVictims, Now, PodRef, Settings, Ticket};
use berth_model::Str;
use berth_model::object::{Kind, Object, ObjectKey};
use berth_wire::{Decoder, encode};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// An entry of a recording.
#[derive(Clone, Debug)]
pub enum Entry {
    /// The first entry of a file.
    Header(Header),
    /// The flow got an input.
    Take(Now, Box<Input>),
    /// The flow attempted a pod, or carried out what was due.
    Attempt(Now),
    /// The flow's actions since the file began: their number and their hash.
    Did(u64, u64),
}

/// The first entry: where the recording comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The version of Berth that wrote it.
    pub version: String,
    /// The configuration as YAML or JSON; empty for the default.
    pub configuration: String,
    /// The number of the file, from 1 on.
    pub part: u64,
    /// How ties were broken.
    #[serde(default)]
    pub tie_break: RecordedTieBreak,
    /// Durations that are not in the configuration, if they are not the defaults: for simulated histories.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timing: Option<Timing>,
}

/// How the recorded scheduler broke ties. A recording that does not say it is older than the choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordedTieBreak {
    /// As its configuration says.
    Configured,
    /// By [`TieBreak::Hashed`] in all profiles.
    Hashed,
    /// By [`TieBreak::FirstName`] in all profiles.
    #[default]
    FirstName,
}

impl From<Option<TieBreak>> for RecordedTieBreak {
    fn from(of_all_profiles: Option<TieBreak>) -> Self {
        match of_all_profiles {
            None => Self::Configured,
            Some(TieBreak::Hashed) => Self::Hashed,
            Some(TieBreak::FirstName) => Self::FirstName,
        }
    }
}

/// Durations of a flow that are not in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// As [`Settings::flush_millis`].
    pub flush_millis: Option<u64>,
}

impl Header {
    /// The settings of a configuration, with the recorded durations and the recorded rule for ties.
    pub fn as_recorded(&self, mut settings: Settings) -> Settings {
        let tie_break = match self.tie_break {
            RecordedTieBreak::Configured => None,
            RecordedTieBreak::Hashed => Some(TieBreak::Hashed),
            RecordedTieBreak::FirstName => Some(TieBreak::FirstName),
        };
        if let Some(tie_break) = tie_break {
            settings.profiles.iter_mut().for_each(|profile| profile.tie_break = tie_break);
        }
        if let Some(timing) = self.timing {
            settings.flush_millis = timing.flush_millis;
        }
        settings
    }
}

/// An entry in its written form.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Head(Header),
    /// Milliseconds and microseconds since the epoch.
    Try(u64, i64),
    Did(u64, u64),
    Set(u64, i64, Box<RawValue>),
    Gone(u64, i64, WireKey),
    Listing(u64, i64, WireKind),
    Listed(u64, i64, WireKind),
    Bad(u64, i64, WireKey, String, String),
    Leads(u64, i64, bool),
    Ok(u64, i64, u64, WireAnswer),
    Err(u64, i64, u64, WireFailure, String),
}

/// The name of a kind; it is unique among the kinds of a flow.
type WireKind = String;
/// Kind, namespace, name.
type WireKey = (WireKind, String, String);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WireAnswer {
    Done,
    Filtered(Vec<String>, BTreeMap<String, String>, BTreeMap<String, String>),
    Scores(Vec<(String, i64)>),
    Victims(Vec<(String, Vec<[String; 3]>, i64)>),
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WireFailure {
    Gone,
    Conflict,
    Unknown,
    Refused,
}

impl Entry {
    /// Appends the entry as a line.
    ///
    /// # Errors
    /// None is known: every entry can be written as JSON.
    pub fn write(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        let line = match self {
            Self::Header(header) => Line::Head(header.clone()),
            Self::Attempt(now) => Line::Try(now.millis, now.unix_micros),
            Self::Did(count, hash) => Line::Did(*count, *hash),
            Self::Take(now, input) => of_input(*now, input)?,
        };
        serde_json::to_writer(&mut *out, &line)?;
        out.push(b'\n');
        Ok(())
    }

    /// Reads a line.
    ///
    /// # Errors
    /// The problem of the line.
    pub fn read(line: &str, decoder: &mut Decoder) -> Result<Self, String> {
        let line: Line = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let take = |millis, unix_micros, input| Self::Take(Now { millis, unix_micros }, Box::new(input));
        Ok(match line {
            Line::Head(header) => Self::Header(header),
            Line::Try(millis, unix_micros) => Self::Attempt(Now { millis, unix_micros }),
            Line::Did(count, hash) => Self::Did(count, hash),
            Line::Set(m, u, json) => {
                let object: Option<Object> =
                    decoder.object(json.get()).map_err(|problems| problems.to_string())?;
                take(m, u, Input::Applied(object.ok_or("the kind of the object is unknown")?))
            }
            Line::Gone(m, u, key) => take(m, u, Input::Deleted(to_key(key)?)),
            Line::Listing(m, u, kind) => take(m, u, Input::Listing(to_kind(&kind)?)),
            Line::Listed(m, u, kind) => take(m, u, Input::Listed(to_kind(&kind)?)),
            Line::Bad(m, u, key, uid, problem) => {
                take(m, u, Input::Unreadable { key: to_key(key)?, uid: uid.into(), problem })
            }
            Line::Leads(m, u, leads) => take(m, u, Input::Leads(leads)),
            Line::Ok(m, u, ticket, answer) => take(m, u, Input::Reply(Ticket(ticket), Ok(to_answer(answer)))),
            Line::Err(m, u, ticket, kind, message) => {
                let kind = match kind {
                    WireFailure::Gone => FailureKind::Gone,
                    WireFailure::Conflict => FailureKind::Conflict,
                    WireFailure::Unknown => FailureKind::Unknown,
                    WireFailure::Refused => FailureKind::Refused,
                };
                take(m, u, Input::Reply(Ticket(ticket), Err(Failure { kind, message })))
            }
        })
    }
}

fn of_input(now: Now, input: &Input) -> serde_json::Result<Line> {
    let Now { millis: m, unix_micros: u } = now;
    Ok(match input {
        Input::Applied(object) => Line::Set(m, u, RawValue::from_string(encode(object))?),
        Input::Deleted(key) => Line::Gone(m, u, of_key(key)),
        Input::Listing(kind) => Line::Listing(m, u, of_kind(*kind)),
        Input::Listed(kind) => Line::Listed(m, u, of_kind(*kind)),
        Input::Unreadable { key, uid, problem } => {
            Line::Bad(m, u, of_key(key), uid.to_string(), problem.clone())
        }
        Input::Leads(leads) => Line::Leads(m, u, *leads),
        Input::Reply(Ticket(ticket), Ok(answer)) => Line::Ok(m, u, *ticket, of_answer(answer)),
        Input::Reply(Ticket(ticket), Err(failure)) => {
            let kind = match failure.kind {
                FailureKind::Gone => WireFailure::Gone,
                FailureKind::Conflict => WireFailure::Conflict,
                FailureKind::Unknown => WireFailure::Unknown,
                FailureKind::Refused => WireFailure::Refused,
            };
            Line::Err(m, u, *ticket, kind, failure.message.clone())
        }
    })
}

fn of_kind(kind: Kind) -> WireKind {
    kind.name().to_owned()
}

fn to_kind(name: &str) -> Result<Kind, String> {
    let known = Kind::ALL.iter().find(|known| known.name == name).map(|known| known.kind);
    known.ok_or_else(|| format!("the kind {name} is unknown"))
}

fn of_key(key: &ObjectKey) -> WireKey {
    (of_kind(key.kind), key.namespace.to_string(), key.name.to_string())
}

fn to_key((kind, namespace, name): WireKey) -> Result<ObjectKey, String> {
    Ok(ObjectKey { kind: to_kind(&kind)?, namespace: namespace.into(), name: name.into() })
}

fn of_answer(answer: &Answer) -> WireAnswer {
    let texts = |map: &BTreeMap<Str, String>| map.iter().map(|(k, v)| (k.to_string(), v.clone())).collect();
    match answer {
        Answer::Done => WireAnswer::Done,
        Answer::Filtered { nodes, failed, unresolvable } => {
            let nodes = nodes.iter().map(ToString::to_string).collect();
            WireAnswer::Filtered(nodes, texts(failed), texts(unresolvable))
        }
        Answer::Scores(scores) => {
            WireAnswer::Scores(scores.iter().map(|(n, s)| (n.to_string(), *s)).collect())
        }
        Answer::Victims(nodes) => {
            let of_pod = |pod: &PodRef| [&pod.namespace, &pod.name, &pod.uid].map(ToString::to_string);
            let of_node = |node: &NodeVictims| {
                (node.node.to_string(), node.victims.iter().map(of_pod).collect(), node.violations)
            };
            WireAnswer::Victims(nodes.iter().map(of_node).collect())
        }
    }
}

fn to_answer(answer: WireAnswer) -> Answer {
    let texts = |map: BTreeMap<String, String>| map.into_iter().map(|(k, v)| (Str::from(k), v)).collect();
    match answer {
        WireAnswer::Done => Answer::Done,
        WireAnswer::Filtered(nodes, failed, unresolvable) => Answer::Filtered {
            nodes: nodes.into_iter().map(Str::from).collect(),
            failed: texts(failed),
            unresolvable: texts(unresolvable),
        },
        WireAnswer::Scores(scores) => {
            Answer::Scores(scores.into_iter().map(|(n, s)| (n.into(), s)).collect())
        }
        WireAnswer::Victims(nodes) => {
            let to_pod = |[namespace, name, uid]: [String; 3]| PodRef {
                namespace: namespace.into(),
                name: name.into(),
                uid: uid.into(),
            };
            let to_node = |(node, victims, violations): (String, Vec<[String; 3]>, i64)| NodeVictims {
                node: node.into(),
                victims: victims.into_iter().map(to_pod).collect(),
                violations,
            };
            Answer::Victims(nodes.into_iter().map(to_node).collect())
        }
    }
}
