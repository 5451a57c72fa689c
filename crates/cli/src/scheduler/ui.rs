//! What the page of a running scheduler shows: documents of copies that the event loop makes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use berth_config::Configuration;
use berth_live::{Copied, Copies, NoCopy};
use berth_view::{Document, OverTime, PageInfo, PluginWeight, Question, Refusal, Source};

use crate::view::command_line::CommandLine;
use crate::view::offline::{Offline, json};

/// Questions about changes are asked of one copy for this time: an answer consists of several documents.
const ANSWERS_AGE: Duration = Duration::from_secs(30);
/// What the page calls its input.
const TITLE: &str = "live scheduler";

/// A running scheduler.
struct Live {
    copies: Copies,
    configuration: Configuration,
    known: Mutex<Known>,
}

/// What was made of copies.
#[derive(Default)]
struct Known {
    /// The copy that the documents are made of.
    copied: Option<Arc<Copied>>,
    /// Documents by their names: each page asks for the same ones.
    documents: BTreeMap<&'static str, String>,
    /// Answers to questions about changes, and since when.
    offline: Option<(Instant, Arc<Offline>)>,
}

/// The source of the page of a scheduler with this configuration.
pub(super) fn source(copies: Copies, configuration: &Configuration) -> Arc<dyn Source> {
    Arc::new(Live { copies, configuration: configuration.clone(), known: Mutex::default() })
}

impl Live {
    fn newest(&self) -> Result<Arc<Copied>, Refusal> {
        self.copies.newest().map_err(|why| match why {
            NoCopy::Busy => Refusal::Busy(why.to_string()),
            NoCopy::Silent => Refusal::Failed(why.to_string()),
        })
    }

    /// A document of the newest copy. It is made once for each copy.
    fn document(
        &self,
        name: &'static str,
        make: fn(&Copied) -> Result<String, Refusal>,
    ) -> Result<String, Refusal> {
        let copied = self.newest()?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.offline.take_if(|(since, _)| since.elapsed() > ANSWERS_AGE); // it has clusters of its own
        if known.copied.as_ref().is_none_or(|other| !Arc::ptr_eq(other, &copied)) {
            known.documents.clear();
            known.copied = Some(Arc::clone(&copied));
        }
        if let Some(text) = known.documents.get(name) {
            return Ok(text.clone());
        }
        let text = make(&copied)?;
        known.documents.insert(name, text.clone());
        Ok(text)
    }

    /// What answers questions about changes.
    fn offline(&self) -> Result<Arc<Offline>, Refusal> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((since, offline)) = &known.offline
            && since.elapsed() < ANSWERS_AGE
        {
            return Ok(Arc::clone(offline));
        }
        known.offline = None; // its memory is given back before more is taken
        let copied = self.newest()?;
        let (configuration, command) = (self.configuration.clone(), CommandLine::of_cluster());
        let offline = Offline::of_moment(&copied.moment, configuration, TITLE.to_owned(), Some(command));
        let offline = Arc::new(offline);
        known.offline = Some((Instant::now(), Arc::clone(&offline)));
        Ok(offline)
    }
}

impl Source for Live {
    fn answer(&self, document: &Document, question: &Question) -> Result<String, Refusal> {
        if question.at.is_some() {
            return Err(Refusal::Invalid(vec!["at: only a recording has moments".to_owned()]));
        }
        match document {
            Document::Comparison { .. } | Document::Difference | Document::Simulation => {
                self.offline()?.answer(document, question)
            }
            Document::Timeline => self.document("timeline", |copied| json(&copied.timeline)),
            Document::Decisions { .. } => Err(Refusal::NotFound(
                "a running scheduler keeps no decisions; they are in its log with -v=2, and in a recording"
                    .to_owned(),
            )),
            _ if !question.is_empty() => self.offline()?.answer(document, question),
            Document::Info { .. } => self.document("info", |copied| json(&info(copied))),
            Document::Cluster => self.document("cluster", |copied| json(&copied.moment.cluster_state())),
            Document::Pods => self.document("pods", |copied| json(&copied.moment.pod_list())),
            Document::Claims => self.document("claims", |copied| json(&copied.moment.claims())),
            Document::Fit { node } => json(&self.newest()?.moment.fit(node)?),
            Document::Explanation { pod, nodes } => json(&self.newest()?.moment.explanation(pod, *nodes)?),
        }
    }

    fn title(&self) -> String {
        TITLE.to_owned()
    }
}

fn info(copied: &Copied) -> PageInfo {
    let command = CommandLine::of_cluster().for_question(&Question::default());
    let mut info = PageInfo::new(TITLE.to_owned(), command, copied.moment.algorithm());
    info.plugins = PluginWeight::of(copied.moment.profiles());
    info.note_devices(copied.moment.cluster());
    info.over_time = Some(OverTime::Live);
    info
}
