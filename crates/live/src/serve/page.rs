//! The page of the scheduler, below `/ui/`, and what a client may cost that reads it.
//!
//! Documents of a large cluster have megabytes. A client that reads one slowly keeps its connection for [`READ_TIME`] at
//! most, and at most [`READERS`] connections read documents at a time, so that others are left for health checks.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use berth_view::Site;
use http::{HeaderValue, StatusCode, header};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep_until};

use super::route::{Answer, said};

/// The paths of the page begin with this.
pub(super) const PREFIX: &str = "/ui/";
/// How many connections may have got a document of the page and asked for nothing since.
const READERS: usize = 64;
/// A connection that got a document of the page is closed after this time, unless it asks for something.
const READ_TIME: Duration = Duration::from_secs(60);

/// Lets [`READERS`] connections read documents.
pub(super) fn readers() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(READERS))
}

/// The last document of the page that a connection got.
#[derive(Clone, Debug)]
pub(super) struct PageUse {
    deadline: watch::Sender<Option<Instant>>,
    permit: Arc<Mutex<Option<OwnedSemaphorePermit>>>,
    readers: Arc<Semaphore>,
    read_time: Duration,
}

impl PageUse {
    /// Of a new connection. `readers` is shared by all connections.
    pub(super) fn new(readers: Arc<Semaphore>) -> Self {
        let deadline = watch::Sender::new(None);
        Self { deadline, permit: Arc::default(), readers, read_time: READ_TIME }
    }

    /// A document will be sent. `false` if too many connections read documents.
    fn begins(&self) -> bool {
        let Ok(permit) = Arc::clone(&self.readers).try_acquire_owned() else { return false };
        *self.permit.lock().unwrap_or_else(PoisonError::into_inner) = Some(permit);
        true
    }

    /// A document is sent from now on.
    fn sends(&self) {
        self.deadline.send_replace(Some(Instant::now() + self.read_time));
    }

    /// The connection asks for something, so that it has read what it got before.
    pub(super) fn ended(&self) {
        self.deadline.send_replace(None);
        *self.permit.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Ends when a document has been sent for too long.
    pub(super) async fn is_overdue(&self) {
        let mut deadline = self.deadline.subscribe();
        loop {
            let at = *deadline.borrow_and_update();
            let overdue = async {
                match at {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = overdue => return,
                // The sender is as old as the connection.
                _ = deadline.changed() => {}
            }
        }
    }
}

/// Answers a request for the page; `path` is without the prefix.
pub(super) async fn answer(site: &Arc<Site>, path: &str, query: &str, used: &PageUse) -> Answer {
    if !used.begins() {
        return said(StatusCode::TOO_MANY_REQUESTS);
    }
    let (site, path, query) = (Arc::clone(site), format!("/{path}"), query.to_owned());
    let computed = tokio::task::spawn_blocking(move || site.answer(&path, &query)).await;
    used.sends();
    match computed {
        Ok(response) => response.into(),
        Err(_) => said(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// The address of the page has a slash at its end, because the addresses in it are relative.
pub(super) fn moved() -> Answer {
    let mut answer = said(StatusCode::MOVED_PERMANENTLY);
    answer.headers_mut().insert(header::LOCATION, HeaderValue::from_static(PREFIX));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(40);

    fn quick(readers: &Arc<Semaphore>) -> PageUse {
        PageUse { read_time: SHORT, ..PageUse::new(Arc::clone(readers)) }
    }

    /// Whether the connection ends within three times the time that it has.
    async fn ends(used: &PageUse) -> bool {
        tokio::time::timeout(SHORT * 3, used.is_overdue()).await.is_ok()
    }

    #[test]
    fn a_connection_that_reads_too_slowly_ends() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let used = quick(&readers());
            assert!(!ends(&used).await, "it got no document");
            assert!(used.begins());
            assert!(!ends(&used).await, "the document is not there yet");
            used.sends();
            assert!(ends(&used).await);
        });
    }

    #[test]
    fn a_connection_that_asks_again_has_read_all() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let readers = Arc::new(Semaphore::new(1));
            let (first, second) = (quick(&readers), quick(&readers));
            assert!(first.begins());
            first.sends();
            assert!(!second.begins(), "only one connection may read");
            first.ended();
            assert!(!ends(&first).await);
            assert!(second.begins());
            drop(second);
            assert!(first.begins(), "a connection that has ended reads nothing");
        });
    }
}
