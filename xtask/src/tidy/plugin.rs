//! Every plugin's file says what it decides, on what that depends, what ends a rejection, and what it costs.

use crate::plugin_doc::{PluginDoc, plugins};
use crate::tree::Source;

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    plugins(sources).iter().flat_map(in_doc).collect()
}

fn in_doc(doc: &PluginDoc<'_>) -> Vec<String> {
    let has = |title: &str| doc.item(title).is_some();
    let rejects = has("Filter") || has("PreEnqueue");
    let decides = rejects || has("Score") || has("QueueSort");
    let rules = [
        (!doc.name.is_empty(), "`pub const NAME`"),
        (!doc.summary.is_empty(), "a sentence that says what it is for"),
        (decides || has("Bind"), "an item **Filter**, **Score**, **PreEnqueue**, **QueueSort** or **Bind**"),
        (!decides || has("Depends on") || has("PreEnqueue"), "an item **Depends on**"),
        (!rejects || has("Unblocked by"), "an item **Unblocked by**"),
        (has("Upstream"), "an item **Upstream**"),
        (has("Cost"), "an item **Cost**"),
    ];
    let missing = rules.into_iter().filter(|(holds, _)| !holds);
    missing.map(|(_, what)| format!("{}:1: a plugin's file needs {what}", doc.path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin_doc::FOLDER;

    #[test]
    fn a_plugin_that_filters_must_say_what_ends_a_rejection() {
        let head = "//! Keeps.\n//!\n//! - **Filter**: by it.\n//! - **Depends on** it.\n//! - **Upstream**: none.\n";
        let tail = "//! - **Cost**: none.\npub const NAME: &str = \"A\";\n";
        let source = Source { path: format!("{FOLDER}a.rs"), text: format!("{head}{tail}") };
        assert_eq!(
            check(&[source]),
            [format!("{FOLDER}a.rs:1: a plugin's file needs an item **Unblocked by**")]
        );
    }
}
