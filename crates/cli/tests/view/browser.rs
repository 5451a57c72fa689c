//! A headless Chromium for one test.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::webdriver::Session;

/// The longest time for the page to become what a test expects.
const PATIENCE: Duration = Duration::from_secs(30);
/// Says which elements have no name, no caption or too little contrast.
pub(crate) const ACCESSIBLE: &str = include_str!("accessible.js");

/// One browser at a time: the machines of CI are small.
static TURN: Mutex<()> = Mutex::new(());

/// A browser with one window.
pub(crate) struct Browser {
    session: Session,
    driver: Child,
    profile: PathBuf,
    _turn: MutexGuard<'static, ()>,
}

impl Browser {
    /// Starts a browser; `None` if there is none on this machine.
    pub(crate) fn start() -> Option<Self> {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let started =
            Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let Ok(mut driver) = started else {
            let is_required = std::env::var_os("BERTH_REQUIRE_CHROMIUM").is_some();
            assert!(!is_required, "BERTH_REQUIRE_CHROMIUM is set, but there is no chromedriver in the path");
            eprintln!("skipped: chromium and chromedriver are not installed");
            return None;
        };
        let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines.map_while(Result::ok).find_map(|line| {
            line.split_once("started successfully on port ")?.1.trim_end_matches('.').parse::<u16>().ok()
        });
        let port = port.unwrap();
        let profile = std::env::temp_dir().join(format!("berth-view-{}-{port}", std::process::id()));
        let session = Session::start(port, &capabilities(&profile));
        let browser = Self { session, driver, profile, _turn: turn };
        browser.resize(1440, 900, false);
        Some(browser)
    }

    /// Sends a command of Chromium's own protocol.
    pub(crate) fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.session.post("/goog/cdp/execute", &json!({ "cmd": command, "params": parameters }))
    }

    /// Sets the size of the window, and whether the desktop is dark.
    pub(crate) fn resize(&self, width: u32, height: u32, is_dark: bool) {
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500 });
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics);
        let scheme = if is_dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", &features);
    }

    /// Opens an address in place of what is shown, as a new page.
    pub(crate) fn open(&self, address: &str) {
        self.session.post("/url", &json!({ "url": "about:blank" }));
        self.session.post("/url", &json!({ "url": address }));
    }

    /// The value of a script's `return`.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.session.post("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Waits until a script returns something true.
    pub(crate) fn until(&self, script: &str) {
        let start = Instant::now();
        while !is_true(&self.run(script)) {
            if start.elapsed() > PATIENCE {
                let text = self.run("return document.body.innerText");
                panic!("{script} does not become true at {}: {text}", self.address());
            }
            std::thread::sleep(Duration::from_millis(40));
        }
    }

    /// Waits until an element contains a text.
    pub(crate) fn shows(&self, selector: &str, text: &str) {
        let (selector, text) = (Value::from(selector), Value::from(text));
        self.until(&format!(
            "return [...document.querySelectorAll({selector})].some((one) => one.innerText.includes({text}))"
        ));
    }

    /// Clicks on the first element of this selector.
    pub(crate) fn click(&self, selector: &str) {
        self.until(&format!("return document.querySelector({})", Value::from(selector)));
        self.session.post(&format!("{}/click", self.session.element(selector)), &json!({}));
    }

    /// Types into the first element of this selector; keys are those of [`crate::webdriver::key`].
    pub(crate) fn type_in(&self, selector: &str, text: &str) {
        self.session.post(&format!("{}/value", self.session.element(selector)), &json!({ "text": text }));
    }

    /// Chooses a value in a select element whose label has this text.
    pub(crate) fn choose(&self, label: &str, value: &str) {
        let (label, value) = (Value::from(label), Value::from(value));
        let script = format!(
            "const box = [...document.querySelectorAll('main label')].find((one) => one.firstChild.textContent === {label});
             const select = box.querySelector('select'); select.value = {value};
             select.dispatchEvent(new Event('change', {{ bubbles: true }})); return select.value"
        );
        assert_eq!(self.run(&script), value, "{label}");
    }

    /// Fills in a field whose label has this text.
    pub(crate) fn fill(&self, label: &str, text: &str) {
        let (label, text) = (Value::from(label), Value::from(text));
        self.run(&format!(
            "[...document.querySelectorAll('main label')].find((one) => one.firstChild.textContent === {label})
               .querySelector('input').value = {text}"
        ));
    }

    /// Goes back, as with the browser's button.
    pub(crate) fn back(&self) {
        self.session.post("/back", &json!({}));
    }

    /// The address after the `#`.
    pub(crate) fn address(&self) -> String {
        self.run("return location.hash").as_str().unwrap_or_default().to_owned()
    }

    /// A picture of the window.
    pub(crate) fn screenshot(&self) -> Vec<u8> {
        STANDARD.decode(self.session.get("/screenshot").as_str().unwrap()).unwrap()
    }

    /// Writes a picture of the window into the folder of `BERTH_PICTURES`, if that is set: to look at it.
    pub(crate) fn keep_picture(&self, name: &str) {
        if let Some(folder) = std::env::var_os("BERTH_PICTURES") {
            let file = PathBuf::from(folder).join(format!("{name}.png"));
            std::fs::write(file, self.screenshot()).unwrap();
        }
    }

    /// Fails if the console has an error or a warning, such as one of the Content-Security-Policy.
    pub(crate) fn assert_quiet(&self) {
        let log = self.session.post("/se/log", &json!({ "type": "browser" }));
        assert_eq!(log, json!([]), "at {}", self.address());
    }

    /// Fails if an element has no name, a table no caption, an id is there twice, or a text has too little contrast.
    pub(crate) fn assert_accessible(&self) {
        let problems = self.run(ACCESSIBLE);
        assert_eq!(problems, json!([]), "at {}", self.address());
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.session.end();
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}

fn is_true(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false)) && *value != json!(0) && *value != json!("")
}

fn capabilities(profile: &std::path::Path) -> Value {
    let arguments = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--hide-scrollbars",
    ];
    let mut arguments: Vec<String> = arguments.map(str::to_owned).to_vec();
    arguments.push(format!("--user-data-dir={}", profile.display()));
    json!({
        "browserName": "chrome",
        "goog:chromeOptions": { "args": arguments },
        "goog:loggingPrefs": { "browser": "ALL" },
    })
}
