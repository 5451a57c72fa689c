//! The page of the scheduler of a control plane.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use berth_live::{RemotePage, Server};
use berth_view::Site;

use super::broken;
use crate::failure::Failure;

/// The longest time for the scheduler to answer after its start.
const PATIENCE: Duration = Duration::from_secs(20);
/// The pause between two questions.
const LOOK: Duration = Duration::from_millis(100);

/// Serves the page of a scheduler on a thread that lives as long as the process, and gives its address.
pub(super) fn start(scheduler: &str, kubeconfig: PathBuf) -> Result<String, Failure> {
    let server = Server { kubeconfig: Some(kubeconfig), context: None, master: Some(scheduler.to_owned()) };
    let begin = Instant::now();
    // The scheduler's certificate is self-signed. It listens on this machine only.
    let page = loop {
        match RemotePage::connect(&server, false) {
            Ok(page) => break page,
            Err(error) if begin.elapsed() > PATIENCE => return Err(broken(error.into())),
            Err(_) => thread::sleep(LOOK),
        }
    };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let server = berth_view::Server::bind(address).map_err(|error| broken(error.into()))?;
    let url = format!("http://{}/", server.address());
    let site = Site::elsewhere("berth up".to_owned(), Arc::new(page));
    let serving = thread::Builder::new().name("page".to_owned()).spawn(move || server.run(site));
    serving.map_err(|error| broken(error.into()))?;
    Ok(url)
}
