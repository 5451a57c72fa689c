//! What a plugin's file says about itself: the module doc at its head, and its name.

use crate::tree::Source;

/// Where the plugins are.
pub(crate) const FOLDER: &str = "crates/engine/src/plugins/";

/// A plugin, as its file documents it.
#[derive(Debug)]
pub(crate) struct PluginDoc<'a> {
    /// The file.
    pub(crate) path: &'a str,
    /// The name that configurations use.
    pub(crate) name: &'a str,
    /// One sentence: what it is for.
    pub(crate) summary: String,
    /// The list, as Markdown, one item each: `**Filter**: …`.
    pub(crate) items: Vec<String>,
    /// What stands below the list.
    pub(crate) remarks: String,
}

/// Every plugin's documentation, in the order of the files.
pub(crate) fn plugins(sources: &[Source]) -> Vec<PluginDoc<'_>> {
    let files = sources.iter().filter(|s| {
        s.path.strip_prefix(FOLDER).is_some_and(|name| !name.contains('/') && name.ends_with(".rs"))
    });
    files.map(parse).collect()
}

fn parse(source: &Source) -> PluginDoc<'_> {
    let lines = source.text.lines().map_while(|line| line.strip_prefix("//!"));
    let mut blocks: Vec<String> = vec![String::new()];
    for line in lines.map(|line| line.strip_prefix(' ').unwrap_or(line)) {
        let starts_block = line.is_empty() || line.starts_with("- ");
        if starts_block {
            blocks.push(line.to_string());
        } else if let Some(block) = blocks.last_mut() {
            let gap = if block.is_empty() { "" } else { " " };
            *block = format!("{block}{gap}{}", line.trim_start());
        }
    }
    let mut texts = blocks.into_iter().filter(|b| !b.is_empty()).map(|b| without_rust_links(&b));
    let summary = texts.next().unwrap_or_default();
    let (items, remarks): (Vec<_>, Vec<_>) = texts.partition(|b| b.starts_with("- "));
    PluginDoc {
        path: &source.path,
        name: constant(&source.text).unwrap_or_default(),
        summary,
        items: items.into_iter().map(|item| item.trim_start_matches("- ").to_string()).collect(),
        remarks: remarks.join("\n\n"),
    }
}

impl PluginDoc<'_> {
    /// The item with that title, without the title.
    pub(crate) fn item(&self, title: &str) -> Option<&str> {
        let text = self.items.iter().find_map(|item| item.strip_prefix(&format!("**{title}**")))?;
        Some(text.trim_start_matches([':', ' ']))
    }
}

fn constant(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("pub const NAME: &str = \"")?.strip_suffix("\";"))
}

/// Links to Rust items mean nothing outside rustdoc; their texts do.
fn without_rust_links(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(open) = rest.find('[') {
        let Some(close) = rest[open..].find(']').map(|at| open + at) else { break };
        let after = &rest[close + 1..];
        let is_rust =
            !after.starts_with('(') || after.starts_with("(crate::") || after.starts_with("(super::");
        out.push_str(&rest[..open]);
        out.push_str(if is_rust { &rest[open + 1..close] } else { &rest[open..=close] });
        let target =
            if is_rust && after.starts_with('(') { after.find(')').map_or(0, |at| at + 1) } else { 0 };
        rest = &after[target..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_the_list_and_the_remarks_are_told_apart() {
        let text = "//! Prefers a\n//! node.\n//!\n//! - **Filter**: by\n//!   [`less`] and [it](crate::it).\n\
                    //! - **Cost**: none.\n//!\n//! A [link](a.md) stays.\n\npub const NAME: &str = \"A\";\n";
        let source = Source { path: format!("{FOLDER}a.rs"), text: text.into() };
        let doc = parse(&source);
        assert_eq!(doc.name, "A");
        assert_eq!(doc.summary, "Prefers a node.");
        assert_eq!(doc.items, ["**Filter**: by `less` and it.", "**Cost**: none."]);
        assert_eq!(doc.remarks, "A [link](a.md) stays.");
        assert_eq!(doc.item("Cost"), Some("none."));
    }
}
