//! Messages to the event loop, and the way to send them.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use berth_flow::Input;
use berth_model::object::Kind;
use berth_watch::WatchEvent;
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

use crate::ui::CopySender;

/// The bound on watch events that were received and not taken yet, in kilobytes: the list of a large cluster arrives
/// faster than it is decoded.
const ROOM_KB: u32 = 4 << 10;

/// A message to the event loop.
#[derive(Debug)]
pub(crate) enum Message {
    /// A watch delivers something.
    Watch(WatchMessage),
    /// The API server has answered a write with the object (JSON). It is sent before the reply.
    Written(Kind, Bytes),
    /// Something else happened.
    Input(Box<Input>),
    /// A question, and where to send the answer.
    Query(Query, oneshot::Sender<Answer>),
    /// The page wants to know what the event loop knows.
    Copy(CopySender),
    /// Attempt no more pods; the event loop ends as soon as no binding is in flight.
    Stop,
}

/// What the watch on one kind delivers.
#[derive(Debug)]
pub(crate) struct WatchMessage {
    pub(crate) kind: Kind,
    /// The epoch of the flow that it is for.
    pub(crate) epoch: u64,
    pub(crate) delivery: Delivery,
    /// Given back when the message is dropped.
    _room: Option<OwnedSemaphorePermit>,
}

/// A part of what a watch delivers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// The kind is listed from the start.
    Listing,
    /// Changes, or objects of the list.
    Events(Vec<WatchEvent>),
    /// The list of this version is complete; empty: the server does not serve the kind.
    Listed(String),
}

/// An answer, or the reason why there is none.
pub(crate) type Answer = Result<String, Refusal>;

/// Why a query has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is nothing to answer, with the reason.
    NotFound(String),
    /// The answer could not be computed, with the reason.
    Failed(String),
    /// Too many queries of this kind were sent; the client can try again in a moment.
    Busy,
}

/// A part of the pods that are not bound, in the order of namespace and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct QueuePage {
    /// The namespace and name of the last pod of the page before; `None` for the first page.
    pub(crate) after: Option<(String, String)>,
    /// The number of pods at most.
    pub(crate) limit: usize,
}

/// A question to the event loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Query {
    /// Update the gauges of the metrics; the answer is empty.
    Gauges,
    /// The kinds that are not listed yet; empty if all are.
    Missing,
    /// The pods that are not bound, and what each of them waits for.
    Queue(QueuePage),
    /// Why a pod is where it is.
    Explain { namespace: String, name: String },
}

/// The event loop has ended, because the process is about to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Closed;

/// Sends messages to the event loop.
#[derive(Clone, Debug)]
pub(crate) struct Inbox {
    sender: Sender<Message>,
    room: Arc<Semaphore>,
    epoch: watch::Receiver<u64>,
}

impl Inbox {
    /// Sends through `sender`; the event loop publishes the epoch of its flow.
    pub(crate) fn new(sender: Sender<Message>, epoch: watch::Receiver<u64>) -> Self {
        Self { sender, room: Arc::new(Semaphore::new(ROOM_KB as usize)), epoch }
    }

    /// The epoch of the current flow, from 0 on.
    pub(crate) fn epoch(&self) -> u64 {
        *self.epoch.borrow()
    }

    /// Waits until the epoch is another one.
    pub(crate) async fn next_epoch(&self, epoch: u64) {
        // An event loop that ended has no next epoch; the next message fails.
        if self.epoch.clone().wait_for(|now| *now != epoch).await.is_err() {
            std::future::pending().await
        }
    }

    /// Sends a message without waiting.
    pub(crate) fn send(&self, message: Message) -> Result<(), Closed> {
        self.sender.send(message).map_err(|_| Closed)
    }

    /// Sends an input of the flow.
    pub(crate) fn input(&self, input: Input) -> Result<(), Closed> {
        self.send(Message::Input(Box::new(input)))
    }

    /// Delivers something to the flow of this epoch. Events wait until there is room for them.
    pub(crate) async fn deliver(&self, kind: Kind, epoch: u64, delivery: Delivery) -> Result<(), Closed> {
        let room = match &delivery {
            Delivery::Events(events) if events.is_empty() => return Ok(()),
            Delivery::Events(events) => {
                let bytes: usize = events.iter().map(|event| event.object.len()).sum();
                let kilobytes = u32::try_from(bytes >> 10).unwrap_or(u32::MAX).saturating_add(1);
                let room = self.room.clone().acquire_many_owned(kilobytes.min(ROOM_KB)).await;
                Some(room.map_err(|_| Closed)?)
            }
            Delivery::Listing | Delivery::Listed(_) => None,
        };
        self.send(Message::Watch(WatchMessage { kind, epoch, delivery, _room: room }))
    }

    /// Sends a question, and waits for the answer.
    pub(crate) async fn query(&self, query: Query) -> Result<Answer, Closed> {
        let (sender, receiver) = oneshot::channel();
        self.send(Message::Query(query, sender))?;
        receiver.await.map_err(|_| Closed)
    }
}
