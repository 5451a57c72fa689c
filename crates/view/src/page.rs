//! The page's frame. The scripts fill it.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::assets;

/// What a page without a server has in it.
pub(crate) struct Inline<'a> {
    /// The documents as JSON that can stand in a script element.
    pub(crate) data: &'a str,
    /// The modules as one.
    pub(crate) script: &'a str,
}

/// The Content-Security-Policy of a page: nothing but its own files, and text that is only ever set as text.
pub(crate) fn policy(scripts: &str, styles: &str, connections: &str) -> String {
    format!(
        "default-src 'none'; script-src {scripts}; style-src {styles}; img-src 'self' data:; connect-src \
         {connections}; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
    )
}

/// The views, with the keys that open them.
const VIEWS: [(&str, &str); 7] = [
    ("map", "Map"),
    ("pending", "Pending"),
    ("placed", "Placed"),
    ("what-if", "What if"),
    ("compare", "Compare"),
    ("over-time", "Over time"),
    ("devices", "Devices"),
];

/// The views that only some inputs have. The scripts show them.
const HIDDEN: [&str; 2] = ["over-time", "devices"];

/// The page. Without a server it has its documents and scripts in it.
pub(crate) fn page(title: &str, inline: Option<&Inline<'_>>) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                @if let Some(inline) = inline {
                    meta http-equiv="Content-Security-Policy"
                        content=(policy(&assets::hash(inline.script), &assets::hash(assets::STYLE.text), "'none'"));
                    link rel="icon" href="data:,";
                    style { (PreEscaped(assets::STYLE.text)) }
                } @else {
                    link rel="icon" type="image/svg+xml" href="assets/icon.svg";
                    link rel="stylesheet" href="assets/style.css";
                }
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (title) " – Berth" }
            }
            body {
                (head(title))
                main id="view" tabindex="-1" { p.quiet { "Loading" } }
                aside id="panel" aria-label="Details" hidden {}
                p id="status" class="unseen" role="status" aria-live="polite" {}
                noscript { p { "This page needs JavaScript." } }
                @if let Some(inline) = inline {
                    script id="data" type="application/json" { (PreEscaped(inline.data)) }
                    script type="module" { (PreEscaped(inline.script)) }
                } @else {
                    script type="module" src=(format!("assets/{}", assets::START)) {}
                }
            }
        }
    }
}

fn head(title: &str) -> Markup {
    html! {
        a.skip href="#view" id="skip" { "Skip to the content" }
        header {
            div.brand {
                strong { "Berth" }
                span.input title=(title) { (title) }
            }
            nav aria-label="Views" {
                @for (name, text) in VIEWS {
                    a href=(format!("#/{name}")) id=(format!("tab-{name}")) hidden[HIDDEN.contains(&name)] { (text) }
                }
            }
            search {
                input id="search" type="search" placeholder="Search nodes and pods ( / )" autocomplete="off"
                    spellcheck="false" aria-label="Search nodes, pods, labels and reasons" role="combobox"
                    aria-expanded="false" aria-controls="found" aria-autocomplete="list";
                ul id="found" role="listbox" aria-label="Found" hidden {}
            }
            div id="moment" class="moment" role="group" aria-label="Time" hidden {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "</title><script>alert(1)</script>\"'&";

    #[test]
    fn a_hostile_title_stays_text() {
        let page = page(HOSTILE, None).into_string();
        assert!(!page.contains("<script>alert"), "{page}");
        assert!(page.contains("&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt;&quot;"), "{page}");
    }
}
