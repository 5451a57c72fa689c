//! What the flow's thread is told, and the way there.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use berth_flow::Input;
use berth_model::object::Kind;
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

/// So much may have been received of watches and not yet been taken, in units of a kilobyte: a listing of a large cluster
/// comes faster than it is decoded.
const ROOM_KB: u32 = 4 << 10;

/// One thing for the flow's thread.
#[derive(Debug)]
pub(crate) enum Message {
    /// What a watch tells.
    Watched(Watched),
    /// Anything else that happened.
    Input(Box<Input>),
    /// Somebody wants to know something.
    Ask(Question, oneshot::Sender<Answer>),
    /// No more attempts; the thread ends when no binding is under way any more.
    Stop,
}

/// What a watch on one kind tells.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) kind: Kind,
    /// Which flow it was told for, counted from 0.
    pub(crate) era: u64,
    pub(crate) told: Told,
    /// Given back when it is taken.
    _room: Option<OwnedSemaphorePermit>,
}

/// What there is to tell of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// It is being listed from the start.
    Listing,
    /// Whole lines of a watch.
    Lines(Bytes),
    /// All that was there has been told.
    Listed,
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
    era: watch::Receiver<u64>,
}

impl Inbox {
    /// The way to a thread that takes messages, and says there which flow it has, counted from 0.
    pub(crate) fn new(sender: Sender<Message>, era: watch::Receiver<u64>) -> Self {
        Self { sender, room: Arc::new(Semaphore::new(ROOM_KB as usize)), era }
    }

    /// Which flow there is now.
    pub(crate) fn era(&self) -> u64 {
        *self.era.borrow()
    }

    /// Waits until there is another flow than that one.
    pub(crate) async fn next_era(&self, era: u64) {
        // A thread that is gone has no other flow; whoever tells it something will hear of that.
        if self.era.clone().wait_for(|now| *now != era).await.is_err() {
            std::future::pending().await
        }
    }

    /// Sends without waiting.
    pub(crate) fn send(&self, message: Message) -> Result<(), Closed> {
        self.sender.send(message).map_err(|_| Closed)
    }

    /// Says what happened.
    pub(crate) fn input(&self, input: Input) -> Result<(), Closed> {
        self.send(Message::Input(Box::new(input)))
    }

    /// Tells something of a kind to the flow of that era; lines as soon as there is room for them.
    pub(crate) async fn tell(&self, kind: Kind, era: u64, told: Told) -> Result<(), Closed> {
        let room = match &told {
            Told::Lines(lines) if lines.is_empty() => return Ok(()),
            Told::Lines(lines) => {
                let kilobytes = u32::try_from(lines.len() >> 10).unwrap_or(u32::MAX).saturating_add(1);
                let room = self.room.clone().acquire_many_owned(kilobytes.min(ROOM_KB)).await;
                Some(room.map_err(|_| Closed)?)
            }
            Told::Listing | Told::Listed => None,
        };
        self.send(Message::Watched(Watched { kind, era, told, _room: room }))
    }

    /// Asks, and waits for the answer.
    pub(crate) async fn ask(&self, question: Question) -> Result<Answer, Closed> {
        let (sender, receiver) = oneshot::channel();
        self.send(Message::Ask(question, sender))?;
        receiver.await.map_err(|_| Closed)
    }
}
