//! Answers about a recording: what happened over time, and the cluster as it was at any decision.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use berth_config::Configuration;
use berth_flow::Settings;
use berth_journal::{Player, Reader, ReplayedAttempt};
use berth_view::{
    Decision, DecisionList, Document, Moment, OverTime, PageInfo, PluginWeight, Question, Refusal, Source,
    Timeline, TimelineRecorder, time,
};

use super::offline::{Offline, json};
use crate::failure::Failure;
use crate::{profiles, replay};

/// A recording that was played once.
pub(crate) struct Recorded {
    file: PathBuf,
    settings: Settings,
    configuration: Configuration,
    timeline: Timeline,
    /// The decisions in order.
    decided: Vec<ReplayedAttempt>,
    now: Mutex<Position>,
}

/// Where the recording is played to.
struct Position {
    player: Player,
    reader: Reader<BufReader<File>>,
    /// The moment that was looked at last, by its number of decisions.
    moment: Option<(usize, Arc<Moment>)>,
    /// Answers to questions about a moment.
    offline: Option<(usize, Arc<Offline>)>,
}

impl Recorded {
    /// Plays a recording from its beginning to its end.
    ///
    /// # Errors
    /// If the file cannot be read or is no recording. Damage in the middle is a warning: what comes before it is shown.
    pub(crate) fn open(file: &Path) -> Result<Self, Failure> {
        let name = file.display().to_string();
        let mut reader = replay::open(file)?;
        let mut configuration = replay::recorded_configuration(&reader, &name)?;
        let settings = reader.header().as_recorded(replay::settings(&configuration));
        let tie_break = settings.profiles.first().map(|profile| profile.tie_break);
        profiles::break_ties(&mut configuration, tie_break);
        let (mut player, mut recorder) = (Player::new(settings.clone()), TimelineRecorder::default());
        let (mut decided, mut warnings) = (Vec::new(), Vec::new());
        loop {
            match player.step(&mut reader, &mut |now, flow, input| recorder.before(now, flow, input)) {
                Ok(Some(step)) => {
                    step.reports.iter().for_each(|report| recorder.reported(step.now, report));
                    decided.extend(ReplayedAttempt::of_step(step));
                }
                Ok(None) => break,
                Err(error) if decided.is_empty() => return Err(replay::unreadable(&name, &error)),
                Err(error) => {
                    warnings.push(format!("{name}: {error}"));
                    break;
                }
            }
        }
        if let Some(difference) = player.difference() {
            warnings.push(format!(
                "from {} on the replay differs from the recording, which another version of berth made ({})",
                time(difference.unix_micros),
                reader.header().version
            ));
        }
        if reader.is_torn() {
            warnings.push("the recording ends within a block, because its writer was killed".to_owned());
        }
        let timeline = recorder.timeline(player.flow(), warnings);
        let now = Mutex::new(Position { player, reader, moment: None, offline: None });
        Ok(Self { file: file.to_owned(), settings, configuration, timeline, decided, now })
    }

    /// What is odd about the recording.
    pub(crate) fn warnings(&self) -> &[String] {
        &self.timeline.warnings
    }

    /// The moment before a decision; that after all of them for their number.
    fn moment(&self, position: &mut Position, at: Option<usize>) -> Result<Arc<Moment>, Refusal> {
        let all = self.decided.len();
        let at = at.unwrap_or(all);
        if at > all {
            let problem = format!("at={at}: the recording has {all} decisions");
            return Err(Refusal::Invalid(vec![problem]));
        }
        if let Some((known, moment)) = &position.moment
            && *known == at
        {
            return Ok(Arc::clone(moment));
        }
        position.play(self, self.decided.get(at).map(|decision| decision.number))?;
        let moment = Arc::new(Moment::of(position.player.flow()));
        position.moment = Some((at, Arc::clone(&moment)));
        Ok(moment)
    }

    /// Answers questions about a moment.
    fn offline(&self, position: &mut Position, at: Option<usize>) -> Result<Arc<Offline>, Refusal> {
        let moment = self.moment(position, at)?;
        let at = at.unwrap_or(self.decided.len());
        if let Some((known, offline)) = &position.offline
            && *known == at
        {
            return Ok(Arc::clone(offline));
        }
        let offline = Offline::of_moment(&moment, self.configuration.clone(), self.title(), None);
        let offline = Arc::new(offline);
        position.offline = Some((at, Arc::clone(&offline)));
        Ok(offline)
    }

    fn info(&self, moment: &Moment) -> PageInfo {
        let mut info = PageInfo::new(self.title(), String::new(), moment.algorithm());
        info.plugins = PluginWeight::of(moment.profiles());
        info.warnings.clone_from(&self.timeline.warnings);
        info.note_devices(moment.cluster());
        info.over_time = Some(OverTime::Recording);
        info
    }

    fn decisions(&self, pod: Option<&str>, limit: usize, at: Option<usize>) -> DecisionList {
        let numbered = self.decided.iter().enumerate();
        // All of one pod, since they are few.
        let asked = numbered.filter(|(number, one)| match pod {
            Some(pod) => one.pod == pod,
            None => *number >= at.unwrap_or_default(),
        });
        let decisions = asked.take(limit).map(|(number, one)| decision(number, one));
        DecisionList::new(self.decided.len(), decisions.collect())
    }
}

impl Position {
    /// Plays on to the moment before an attempt, or from the start if that is past; `None`: to the end.
    fn play(&mut self, recorded: &Recorded, attempt: Option<usize>) -> Result<(), Refusal> {
        let failed = |error: berth_journal::ReadError| Refusal::Failed(error.to_string());
        if attempt.is_some_and(|attempt| self.player.attempts() > attempt) {
            let opened = replay::open(&recorded.file);
            self.reader = opened.map_err(|failure| Refusal::Failed(failure.problems.join("; ")))?;
            self.player = Player::new(recorded.settings.clone());
        }
        loop {
            if let Some(attempt) = attempt
                && self.player.attempts() >= attempt
                && self.player.is_before_attempt(&mut self.reader).map_err(failed)?
            {
                return Ok(());
            }
            match self.player.step(&mut self.reader, &mut |_, _, _| ()) {
                Ok(Some(_)) => {}
                // The warnings of the timeline tell of damage.
                Ok(None) | Err(_) => return Ok(()),
            }
        }
    }
}

impl Source for Recorded {
    fn answer(&self, document: &Document, question: &Question) -> Result<String, Refusal> {
        match document {
            Document::Timeline => return json(&self.timeline),
            Document::Decisions { pod, limit } => {
                return json(&self.decisions(pod.as_deref(), *limit, question.at));
            }
            _ => {}
        }
        // The lock is poisoned only by a panic, after which the position is played to again from where it is.
        let mut position = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let is_changed = !question.is_empty() || matches!(document, Document::Comparison { .. });
        if is_changed || matches!(document, Document::Difference | Document::Simulation) {
            let offline = self.offline(&mut position, question.at)?;
            return offline.answer(document, &Question { at: None, ..question.clone() });
        }
        let moment = self.moment(&mut position, question.at)?;
        match document {
            Document::Info { .. } => json(&self.info(&moment)),
            Document::Cluster => json(&moment.cluster_state()),
            Document::Pods => json(&moment.pod_list()),
            Document::Claims => json(&moment.claims()),
            Document::Fit { node } => json(&moment.fit(node)?),
            Document::Explanation { pod, nodes } => json(&moment.explanation(pod, *nodes)?),
            Document::Timeline
            | Document::Decisions { .. }
            | Document::Comparison { .. }
            | Document::Difference
            | Document::Simulation => Err(Refusal::Failed("this document is made elsewhere".to_owned())),
        }
    }

    fn title(&self) -> String {
        self.file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }
}

fn decision(at: usize, attempt: &ReplayedAttempt) -> Decision {
    Decision {
        at,
        time: time(attempt.unix_micros),
        pod: attempt.pod.clone(),
        attempt: attempt.attempt,
        node: attempt.node.as_ref().map(|(node, _)| node.to_string()),
        score: attempt.node.as_ref().map(|(_, score)| *score),
        message: Some(attempt.message.clone()).filter(|message| !message.is_empty()),
    }
}
