//! What is left out of the input: files without objects, templates that must be rendered, and kinds that are not known.

use std::collections::BTreeMap;

use berth_model::Str;
use berth_model::manifests::Place;

use crate::problem::Problem;
use crate::warning::Warnings;

/// How many files a summary names.
const FILES: usize = 5;
/// How many kinds a summary names: each may make pods, so that all but endless lists are complete.
const KINDS: usize = 50;

/// What is left out.
#[derive(Default)]
pub(crate) struct LeftOut {
    /// Files in folders that hold no objects.
    files: Vec<Str>,
    /// Files with placeholders of a template language.
    templates: Vec<Str>,
    /// How many objects there are of each unknown kind.
    kinds: BTreeMap<String, usize>,
}

impl LeftOut {
    /// Notes a file of a folder that holds something else than objects.
    pub(crate) fn file(&mut self, source: &Str) {
        if self.files.last() != Some(source) {
            self.files.push(source.clone());
        }
    }

    /// Notes a file that must be rendered first.
    pub(crate) fn template(&mut self, source: &Str) {
        if !self.is_template(source) {
            self.templates.push(source.clone());
        }
    }

    /// Notes an object of an unknown kind.
    pub(crate) fn kind(&mut self, kind: String) {
        *self.kinds.entry(kind).or_default() += 1;
    }

    /// Whether the file that was read last must be rendered first.
    pub(crate) fn is_template(&self, source: &Str) -> bool {
        self.templates.last() == Some(source)
    }

    /// Whether there are files that must be rendered first.
    pub(crate) fn has_templates(&self) -> bool {
        !self.templates.is_empty()
    }

    /// The files that must be rendered first, as one problem.
    pub(crate) fn to_render(&self) -> Option<Problem> {
        let first = self.templates.first()?;
        let how = "for example: helm template CHART | berth simulate -f -";
        let message = match self.templates.len() - 1 {
            0 => format!("a template ({{{{ … }}}}), not a manifest; render it first, {how}"),
            1 => format!(
                "a template ({{{{ … }}}}), not a manifest, as is 1 other file; render them first, {how}"
            ),
            more => format!(
                "a template ({{{{ … }}}}), not a manifest, as are {more} other files; render them first, {how}"
            ),
        };
        let (object, field) = (String::new(), String::new());
        Some(Problem { place: Place::start(first.clone()), object, field, message })
    }

    /// Warns of the files and kinds, in one line each.
    pub(crate) fn warn(&self, warnings: &mut Warnings) {
        if !self.files.is_empty() {
            let names = listed(&self.files, FILES);
            warnings.add_general(format!("skipped, no Kubernetes objects in: {names}"));
        }
        if !self.kinds.is_empty() {
            let kinds: Vec<_> = self.kinds.iter().map(|(kind, n)| format!("{kind} ({n})")).collect();
            let kinds = listed(&kinds, KINDS);
            warnings.add_general(format!("skipped, kinds that Berth does not know: {kinds}"));
        }
    }
}

/// The first of some names, and how many more there are.
fn listed<T: AsRef<str>>(names: &[T], shown: usize) -> String {
    let first: Vec<&str> = names.iter().take(shown).map(AsRef::as_ref).collect();
    match names.len() - first.len() {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}
