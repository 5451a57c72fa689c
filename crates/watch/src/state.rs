//! Where the watch on one kind of object stands, and what its shell does next.

use bytes::Bytes;

use crate::page::Page;
use crate::protocol::{EventType, Metadata, Status, WatchEvent, WatchLine};

/// The number of objects in a page of a list, as client-go asks for.
pub const PAGE_LIMIT: usize = 500;

/// A request for the API server: GET the collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// A page of a list.
    List {
        /// The token of the page; empty for the first one.
        continue_token: String,
    },
    /// A watch that begins with the objects that exist, and a bookmark after them.
    WatchList,
    /// A watch of all changes after a resource version.
    Watch {
        /// The version.
        resource_version: String,
    },
}

impl Request {
    /// The parameters of the query. The shell adds `timeoutSeconds` to a watch, since that is left to chance.
    pub fn query(&self) -> Vec<(&'static str, String)> {
        let yes = || "true".to_owned();
        match self {
            Self::List { continue_token } => {
                let mut query = vec![("limit", PAGE_LIMIT.to_string())];
                if !continue_token.is_empty() {
                    query.push(("continue", continue_token.clone()));
                }
                query
            }
            Self::WatchList => vec![
                ("sendInitialEvents", yes()),
                ("resourceVersionMatch", "NotOlderThan".to_owned()),
                ("watch", yes()),
                ("allowWatchBookmarks", yes()),
            ],
            Self::Watch { resource_version } => vec![
                ("resourceVersion", resource_version.clone()),
                ("watch", yes()),
                ("allowWatchBookmarks", yes()),
            ],
        }
    }

    /// Whether this begins a list: all objects that exist are delivered again.
    pub fn begins_list(&self) -> bool {
        match self {
            Self::List { continue_token } => continue_token.is_empty(),
            Self::WatchList => true,
            Self::Watch { .. } => false,
        }
    }
}

/// What the shell does after a line of a watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Deliver the event, and read on.
    Deliver(WatchEvent),
    /// Deliver that the list is complete, and read on.
    Listed,
    /// Read on.
    Continue,
    /// Close the connection, and send the next request.
    Reconnect(Reconnect),
}

/// What the shell does after a page of a list. The next request follows at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageCommand {
    /// The objects to deliver.
    pub events: Vec<WatchEvent>,
    /// Whether the list is complete then.
    pub listed: bool,
}

/// How the next request follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconnect {
    /// When.
    pub pause: Pause,
    /// What failed, for the log; `None` if this is part of a watch's normal life.
    pub reason: Option<String>,
}

/// When the next request follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// At once.
    None,
    /// At once if the connection lasted for a while, otherwise as [`Pause::Backoff`].
    BackoffIfShort,
    /// After a time that grows with every failure.
    Backoff,
}

/// The state of a watch.
#[derive(Clone, Debug, Default)]
pub struct WatchState {
    /// The version after which to resume; `None` while the list is not complete.
    resource_version: Option<String>,
    /// The last object that was delivered since then: its version is read only if the connection ends.
    last_object: Bytes,
    /// The server cannot stream the initial list, so it is listed in pages.
    uses_pages: bool,
    /// The token of the next page.
    continue_token: String,
}

impl WatchState {
    /// A watch that has not begun.
    pub fn new() -> Self {
        Self::default()
    }

    /// A watch that lists in pages, whether or not the server can stream the list.
    pub fn in_pages() -> Self {
        Self { uses_pages: true, ..Self::default() }
    }

    /// The version of the list that is complete, or of the last bookmark; empty while the list is not complete.
    pub fn version(&self) -> &str {
        self.resource_version.as_deref().unwrap_or_default()
    }

    /// What to send next.
    pub fn request(&self) -> Request {
        match &self.resource_version {
            Some(version) => Request::Watch { resource_version: version.clone() },
            None if self.uses_pages => Request::List { continue_token: self.continue_token.clone() },
            None => Request::WatchList,
        }
    }

    /// Everything has to be listed again, from the next request on: what was delivered is lost.
    pub fn restart(&mut self) {
        self.resource_version = None;
        self.last_object.clear();
        self.continue_token.clear();
    }

    /// Takes a line of a watch.
    pub fn on_line(&mut self, line: &Bytes) -> Command {
        let parsed = match WatchLine::read(line) {
            Ok(parsed) => parsed,
            Err(error) => {
                return Command::Reconnect(
                    self.failed(format!("a line of the watch cannot be read: {error}")),
                );
            }
        };
        let object = parsed.object.get().as_bytes();
        match parsed.event_type {
            EventType::Added | EventType::Modified | EventType::Deleted => {
                let object = line.slice_ref(object);
                self.last_object = object.clone();
                Command::Deliver(WatchEvent { event_type: parsed.event_type, object })
            }
            EventType::Bookmark => self.on_bookmark(&Metadata::of(object)),
            EventType::Error => {
                let status = Status::read(object);
                Command::Reconnect(if status.is_expired() {
                    self.expired()
                } else {
                    self.failed(
                        status.message_or(|| "the API server ended the watch with an error".to_owned()),
                    )
                })
            }
        }
    }

    fn on_bookmark(&mut self, metadata: &Metadata<'_>) -> Command {
        let was_listing = self.resource_version.is_none();
        if metadata.resource_version.is_empty() || was_listing && !metadata.ends_initial_events() {
            return Command::Continue;
        }
        self.resource_version = Some(metadata.resource_version.clone().into_owned());
        self.last_object.clear();
        if was_listing { Command::Listed } else { Command::Continue }
    }

    /// Takes a page of a list, for the answer to [`Request::List`].
    ///
    /// # Errors
    /// If the body is not a list.
    pub fn on_page(&mut self, body: &[u8], api_version: &str, kind: &str) -> Result<PageCommand, Reconnect> {
        let page = Page::read(body).map_err(|problem| self.failed(problem))?;
        let events = page.events(api_version, kind);
        self.continue_token = page.metadata.continue_token.into_owned();
        let listed = self.continue_token.is_empty();
        if listed {
            let version = page.metadata.resource_version;
            if version.is_empty() {
                return Err(self.failed("the API server sent a list without a resource version".to_owned()));
            }
            self.resource_version = Some(version.into_owned());
        }
        Ok(PageCommand { events, listed })
    }

    /// The server closed the connection of a watch, as it does every few minutes.
    pub fn on_end(&mut self) -> Reconnect {
        self.settle();
        Reconnect { pause: Pause::BackoffIfShort, reason: None }
    }

    /// The connection failed.
    pub fn on_error(&mut self, reason: String) -> Reconnect {
        self.failed(reason)
    }

    /// The server refused the request with this HTTP status and body.
    pub fn on_refusal(&mut self, code: u16, body: &[u8]) -> Reconnect {
        let status = Status::read(body);
        if code == 410 || status.is_expired() {
            return self.expired();
        }
        if matches!(code, 400 | 422) && self.request() == Request::WatchList {
            self.uses_pages = true;
            return Reconnect { pause: Pause::None, reason: None };
        }
        self.failed(status.message_or(|| format!("the API server answers with HTTP status {code}")))
    }

    /// The version or the token is not available any more.
    fn expired(&mut self) -> Reconnect {
        self.restart();
        Reconnect { pause: Pause::Backoff, reason: None }
    }

    fn failed(&mut self, reason: String) -> Reconnect {
        self.settle();
        Reconnect { pause: Pause::Backoff, reason: Some(reason) }
    }

    /// Resumes after the last object, unless the list is not complete: then it begins again.
    fn settle(&mut self) {
        let last_object = std::mem::take(&mut self.last_object);
        match &mut self.resource_version {
            None => self.continue_token.clear(),
            Some(resume) => {
                let version = Metadata::of(&last_object).resource_version;
                if !version.is_empty() {
                    *resume = version.into_owned();
                }
            }
        }
    }
}
