//! What the flow's thread is told, and the way there.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use berth_flow::Input;
use berth_wire::Kind;
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// So much may have been received of watches and not yet been taken, in units of a kilobyte: a listing of a large cluster
/// comes faster than it is decoded.
const ROOM_KB: u32 = 4 << 10;

/// One thing for the flow's thread.
#[derive(Debug)]
pub(crate) enum Message {
    /// Lines of a watch.
    Lines(Block),
    /// Anything else that happened.
    Input(Box<Input>),
    /// Somebody wants to know something.
    Ask(Question, oneshot::Sender<Answer>),
    /// No more attempts; the thread ends when no binding is under way any more.
    Stop,
}

/// Whole lines of a watch on one kind.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) kind: Kind,
    pub(crate) lines: Bytes,
    /// Given back when the lines are taken.
    _room: OwnedSemaphorePermit,
}

/// What is answered, or why there is no answer.
pub(crate) type Answer = Result<String, String>;

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// Bring the metrics up to date; the answer is empty.
    Gauges,
    /// Which kinds are not listed yet; the answer is empty where all are.
    Missing,
    /// Which pods are not bound, and where they wait for what.
    Queue,
    /// Why a pod is where it is.
    Explain { namespace: String, name: String },
}

/// Nobody takes messages any more: the process is about to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Closed;

/// The way to the flow's thread.
#[derive(Clone, Debug)]
pub(crate) struct Inbox {
    sender: Sender<Message>,
    room: Arc<Semaphore>,
}

impl Inbox {
    pub(crate) fn new(sender: Sender<Message>) -> Self {
        Self { sender, room: Arc::new(Semaphore::new(ROOM_KB as usize)) }
    }

    /// Sends without waiting.
    pub(crate) fn send(&self, message: Message) -> Result<(), Closed> {
        self.sender.send(message).map_err(|_| Closed)
    }

    /// Says what happened.
    pub(crate) fn input(&self, input: Input) -> Result<(), Closed> {
        self.send(Message::Input(Box::new(input)))
    }

    /// Sends lines as soon as there is room for them.
    pub(crate) async fn lines(&self, kind: Kind, lines: Bytes) -> Result<(), Closed> {
        if lines.is_empty() {
            return Ok(());
        }
        let kilobytes = u32::try_from(lines.len() >> 10).unwrap_or(u32::MAX).saturating_add(1).min(ROOM_KB);
        let room = self.room.clone().acquire_many_owned(kilobytes).await.map_err(|_| Closed)?;
        self.send(Message::Lines(Block { kind, lines, _room: room }))
    }

    /// Asks, and waits for the answer.
    pub(crate) async fn ask(&self, question: Question) -> Result<Answer, Closed> {
        let (sender, receiver) = oneshot::channel();
        self.send(Message::Ask(question, sender))?;
        receiver.await.map_err(|_| Closed)
    }
}
