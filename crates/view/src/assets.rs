//! The scripts, the style and the icon, which are in the binary.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest;

/// The script that starts the page; it imports the others.
pub(crate) const START: &str = "app.js";

/// A file of the page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asset {
    pub(crate) name: &'static str,
    pub(crate) content_type: &'static str,
    pub(crate) text: &'static str,
}

macro_rules! scripts {
    ($($name:literal),* $(,)?) => {
        /// The modules, each after those that it imports.
        pub(crate) const SCRIPTS: &[Asset] = &[$(Asset {
            name: $name,
            content_type: "text/javascript; charset=utf-8",
            text: include_str!(concat!("../assets/", $name)),
        }),*];
    };
}

scripts!(
    "dom.js",
    "amount.js",
    "address.js",
    "data.js",
    "chart.js",
    "moment.js",
    "layout.js",
    "map.js",
    "panel.js",
    "explanation.js",
    "map-view.js",
    "pods-view.js",
    "what-if-view.js",
    "compare-view.js",
    "devices-view.js",
    "time-view.js",
    "search.js",
    "app.js",
);

/// The style.
pub(crate) const STYLE: Asset = Asset {
    name: "style.css",
    content_type: "text/css; charset=utf-8",
    text: include_str!("../assets/style.css"),
};

/// The icon.
pub(crate) const ICON: Asset =
    Asset { name: "icon.svg", content_type: "image/svg+xml", text: include_str!("../assets/icon.svg") };

/// The file of this name.
pub(crate) fn find(name: &str) -> Option<&'static Asset> {
    SCRIPTS.iter().chain([&STYLE, &ICON]).find(|asset| asset.name == name)
}

/// All modules as one, for a page without a server. A module's import is a line that starts with `import`, and its
/// exports are declarations with `export` before them; no two modules declare the same name.
pub(crate) fn bundle() -> String {
    let mut out = String::new();
    for line in SCRIPTS.iter().flat_map(|script| script.text.lines()) {
        if !line.starts_with("import ") {
            out.push_str(line.strip_prefix("export ").unwrap_or(line));
            out.push('\n');
        }
    }
    out
}

/// The source expression by which a Content-Security-Policy allows an inline script or style.
pub(crate) fn hash(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(digest::digest(&digest::SHA256, text.as_bytes())))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn modules_can_be_put_together() {
        let mut known: BTreeSet<&str> = BTreeSet::new();
        let mut declared: BTreeSet<&str> = BTreeSet::new();
        for script in SCRIPTS {
            for line in script.text.lines() {
                if let Some((_, from)) = line.split_once("from \"./").filter(|_| line.starts_with("import "))
                {
                    let module = from.trim_end_matches("\";");
                    assert!(known.contains(module), "{}: {module} comes later", script.name);
                }
                let line = line.strip_prefix("export ").unwrap_or(line);
                let kinds = ["function ", "async function ", "const ", "let ", "class "];
                if let Some(rest) = kinds.iter().find_map(|kind| line.strip_prefix(kind)) {
                    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
                    let name = rest.split(|c| !is_part(c)).next().unwrap_or_default();
                    assert!(declared.insert(name), "{}: {name} is declared twice", script.name);
                }
                let is_dynamic =
                    ["innerHTML", "outerHTML", "eval(", "insertAdjacentHTML", "document.write", "cookie"];
                assert!(!is_dynamic.iter().any(|word| line.contains(word)), "{}: {line}", script.name);
            }
            known.insert(script.name);
        }
        assert!(!bundle().lines().any(|line| line.starts_with("import ") || line.starts_with("export ")));
    }

    #[test]
    fn no_file_of_the_page_names_another_host() {
        for asset in SCRIPTS.iter().chain([&STYLE, &ICON]) {
            let text = asset.text.replace("http://www.w3.org/2000/svg", "");
            assert!(!text.contains("http:") && !text.contains("https:"), "{}", asset.name);
        }
    }
}
