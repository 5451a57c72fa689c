//! The page of a scheduler, open in browsers.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::control_plane::ControlPlane;

/// The views that are open, one in each browser.
const VIEWS: [&str; 3] = ["map", "pending", "over-time"];

/// Browsers, and the local server of the page; dropping it ends them.
pub(super) struct Browsers(Vec<Child>);

impl Browsers {
    /// Opens the page of the scheduler at a port.
    ///
    /// # Errors
    /// If the page is not served, or chromium cannot be started.
    pub(super) fn open(berth: &Path, plane: &ControlPlane, port: u16) -> Result<Self> {
        let mut view = Command::new(berth)
            .args(["view", "--insecure-skip-tls-verify"])
            .arg(format!("--scheduler=https://127.0.0.1:{port}"))
            .arg(format!("--kubeconfig={}", plane.admin_kubeconfig().display()))
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run berth view")?;
        let stdout = view.stdout.take().context("berth view has no stdout")?;
        let mut browsers = Self(vec![view]);
        let mut url = String::new();
        BufReader::new(stdout).read_line(&mut url)?;
        ensure!(url.starts_with("http://"), "berth view has not printed an address");
        for name in VIEWS {
            let browser = Command::new("chromium")
                .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
                .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
                .args(["--remote-debugging-port=0", "--window-size=1440,900"])
                .arg(format!("--user-data-dir={}", plane.folder.join(format!("browser-{name}")).display()))
                .arg(format!("{}#/{name}", url.trim()))
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .context("cannot run chromium, which shows the page")?;
            browsers.0.push(browser);
        }
        Ok(browsers)
    }
}

impl Drop for Browsers {
    fn drop(&mut self) {
        for child in self.0.iter_mut().rev() {
            // A process that has ended already needs no end.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
