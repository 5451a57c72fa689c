//! The status of a pod that is not bound: what the API server has, and what is being written.
//!
//! Writes of one pod are sent one at a time, so that none overtakes another. A write that a newer one replaces before
//! it is sent is never sent. A write that fails is sent again.

use berth_model::Str;

use crate::action::Condition;
use crate::queue::Backoff;

/// The delay before a status is written again.
const RETRY: Backoff = Backoff { initial_millis: 1_000, max_millis: 60_000 };

/// The status of a pod, as far as the loop writes it.
#[derive(Debug)]
pub(crate) struct PodStatus {
    /// The nominated node that the API server has, according to the watch or the last write.
    nominated: Option<Str>,
    /// The nominated node in the last version of the pod that the watch delivered.
    watched_nominated: Option<Str>,
    /// Reason and message of the condition `PodScheduled=False`, as written last.
    condition: Option<(Str, Str)>,
    write: Option<StatusWrite>,
}

/// A write in progress.
#[derive(Debug, Default)]
struct StatusWrite {
    sent: StatusChange,
    /// To be written after it.
    next: StatusChange,
    failures: u32,
    /// The watch delivered a nomination that differs from the one that is being written.
    disturbed: bool,
    /// When it must be sent again, in milliseconds; `None` while it is in flight.
    retry_at: Option<u64>,
}

/// What a request writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StatusChange {
    pub(crate) condition: Option<Condition>,
    /// An empty name clears the nomination.
    pub(crate) nominated_node: Option<Str>,
}

/// What must be done after a reply.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NextWrite {
    /// Nothing.
    None,
    /// A request must be sent.
    Send,
    /// A request must be sent at this time, in milliseconds.
    RetryAt(u64),
}

impl PodStatus {
    /// The status of a pod that the watch delivered.
    pub(crate) fn new(nominated: Option<Str>, condition: Option<(Str, Str)>) -> Self {
        Self { watched_nominated: nominated.clone(), nominated, condition, write: None }
    }

    /// Reason and message of the condition, as written last.
    pub(crate) fn condition(&self) -> Option<&(Str, Str)> {
        self.condition.as_ref()
    }

    /// Sets a condition, and the nomination if `nominate` is given. Values that the API server already has are not
    /// written. Returns whether a request must be sent now.
    pub(crate) fn set(&mut self, condition: Option<Condition>, nominate: Option<Option<Str>>) -> bool {
        let condition = condition.map(|new| Condition { again: self.condition.is_some(), ..new });
        let condition = condition.filter(|new| {
            let written = self.condition.as_ref().map(|(reason, message)| (&**reason, &**message));
            written != Some((new.reason, &*new.message))
        });
        let nominated_node = nominate
            .map(Option::unwrap_or_default)
            .filter(|node| self.nominated.as_deref().unwrap_or_default() != &**node);
        if condition.is_none() && nominated_node.is_none() {
            return false;
        }
        if let Some(new) = &condition {
            self.condition = Some((new.reason.into(), new.message.as_str().into()));
        }
        if let Some(node) = &nominated_node {
            self.nominated = Some(node.clone()).filter(|node| !node.is_empty());
        }
        let new = StatusChange { condition, nominated_node };
        match &mut self.write {
            Some(write) => {
                write.next.add(new);
                false
            }
            None => {
                self.write = Some(StatusWrite { sent: new, ..StatusWrite::default() });
                true
            }
        }
    }

    /// The request that must be sent; `None` if nothing is being written.
    pub(crate) fn begin_send(&mut self) -> Option<StatusChange> {
        let write = self.write.as_mut()?;
        write.retry_at = None;
        Some(write.sent.clone())
    }

    /// A request was answered.
    pub(crate) fn on_reply(&mut self, is_written: bool, now: u64) -> NextWrite {
        let Some(write) = &mut self.write else { return NextWrite::None };
        let mut next = std::mem::take(&mut write.next);
        if write.disturbed && self.watched_nominated != self.nominated {
            // Another process wrote a nomination, before this write or after it. Write this one again.
            next.nominated_node.get_or_insert_with(|| self.nominated.clone().unwrap_or_default());
        }
        if !is_written {
            write.failures = write.failures.saturating_add(1);
            let retry_at = now.saturating_add(RETRY.after(write.failures));
            write.sent.add(next);
            write.retry_at = Some(retry_at);
            return NextWrite::RetryAt(retry_at);
        }
        if next == StatusChange::default() {
            self.write = None;
            return NextWrite::None;
        }
        *write = StatusWrite { sent: next, ..StatusWrite::default() };
        NextWrite::Send
    }

    /// Another scheduler leads, and writes the status from now on: what is being written here is not sent again. Returns
    /// the nominated node according to the watch.
    pub(crate) fn on_leadership_lost(&mut self) -> Option<Str> {
        self.nominated.clone_from(&self.watched_nominated);
        // It may not be what the API server has. So it is written if this scheduler leads again.
        self.condition = None;
        self.write = None;
        self.nominated.clone()
    }

    /// Whether a failed request must be sent again at this time.
    pub(crate) fn retry_is_due(&self, now: u64) -> bool {
        let retry_at = self.write.as_ref().and_then(|write| write.retry_at);
        retry_at.is_some_and(|at| at <= now)
    }

    /// The watch delivered the pod with this nominated node. Returns whether another process has changed the
    /// nomination.
    ///
    /// While a nomination is being written, the delivered one may be older or newer than the write. It is then not
    /// taken over. [`PodStatus::on_reply`] writes again if the two still differ.
    pub(crate) fn on_watch(&mut self, node: Option<&Str>) -> bool {
        let changed = self.watched_nominated.as_ref() != node;
        if changed {
            self.watched_nominated = node.cloned();
        }
        let differs = self.nominated.as_ref() != node;
        match &mut self.write {
            Some(write) if write.nominates() => {
                write.disturbed |= changed && differs;
                false
            }
            _ if differs => {
                self.nominated = node.cloned();
                true
            }
            _ => false,
        }
    }
}

impl StatusWrite {
    /// Whether a nomination is written, or is written next.
    fn nominates(&self) -> bool {
        self.sent.nominated_node.is_some() || self.next.nominated_node.is_some()
    }
}

impl StatusChange {
    fn add(&mut self, newer: Self) {
        self.condition = newer.condition.or(self.condition.take());
        self.nominated_node = newer.nominated_node.or(self.nominated_node.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nominate(status: &mut PodStatus, node: &str) -> bool {
        status.set(None, Some(Some(node.into())))
    }

    fn sent(status: &mut PodStatus) -> Option<String> {
        status.begin_send().and_then(|change| change.nominated_node).map(|node| node.to_string())
    }

    #[test]
    fn a_status_is_written_one_change_at_a_time() {
        let mut status = PodStatus::new(None, None);
        assert!(nominate(&mut status, "a"));
        assert_eq!(sent(&mut status).as_deref(), Some("a"));
        assert!(!nominate(&mut status, "b"), "a is in flight");
        assert!(!nominate(&mut status, "c"), "c replaces b");
        assert_eq!(status.on_reply(true, 0), NextWrite::Send);
        assert_eq!(sent(&mut status).as_deref(), Some("c"));
        assert_eq!(status.on_reply(true, 0), NextWrite::None);
        assert!(!nominate(&mut status, "c"), "the API server has it");
    }

    #[test]
    fn a_failed_write_is_sent_again_with_newer_changes() {
        let mut status = PodStatus::new(None, None);
        nominate(&mut status, "a");
        nominate(&mut status, "b");
        assert_eq!(status.on_reply(false, 100), NextWrite::RetryAt(1_100));
        assert!(!status.retry_is_due(1_099) && status.retry_is_due(1_100));
        assert_eq!(sent(&mut status).as_deref(), Some("b"));
    }

    #[test]
    fn a_scheduler_that_does_not_lead_any_more_believes_the_watch() {
        let mut status = PodStatus::new(Some("old".into()), None);
        nominate(&mut status, "a");
        assert_eq!(status.on_leadership_lost().as_deref(), Some("old"));
        assert_eq!(status.on_reply(false, 0), NextWrite::None, "it is not sent again");
        assert!(status.on_watch(Some(&"a".into())), "it was written");
    }

    #[test]
    fn a_nomination_that_another_process_overwrites_is_written_again() {
        let mut status = PodStatus::new(None, None);
        nominate(&mut status, "a");
        assert!(!status.on_watch(Some(&"other".into())), "it may be older than the write");
        assert_eq!(status.on_reply(true, 0), NextWrite::Send);
        assert_eq!(sent(&mut status).as_deref(), Some("a"));
        status.on_watch(Some(&"a".into()));
        assert_eq!(status.on_reply(true, 0), NextWrite::None);
        assert!(status.on_watch(Some(&"other".into())), "it is newer than the write");
    }
}
