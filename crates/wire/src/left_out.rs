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

/// How a file marks what a tool replaces before the file is a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notation {
    /// `{{ … }}`, of Helm and of Go templates.
    Template,
    /// `${…}`, of Flux, Argo CD plugins, OpenShift templates and `envsubst`.
    Variable,
}

impl Notation {
    const ALL: [Self; 2] = [Self::Template, Self::Variable];

    /// The notation that a found value has.
    pub(crate) fn of(text: &str) -> Option<Self> {
        if text.contains("{{") {
            return Some(Self::Template);
        }
        let variable = text.split_once("${")?.1;
        let is_name = |c: char| c == '_' || c.is_ascii_alphanumeric();
        (variable.starts_with(is_name) && variable.contains('}')).then_some(Self::Variable)
    }

    /// Says what is wrong with this number of files, and how the user renders them.
    fn advice(self, files: usize) -> String {
        let others = match files - 1 {
            0 => String::new(),
            1 => ", as is 1 other file".to_owned(),
            more => format!(", as are {more} other files"),
        };
        let them = if files == 1 { "it" } else { "them" };
        match self {
            Self::Template => format!(
                "a template ({{{{ … }}}}), not a manifest{others}; render {them} first, for example: helm template CHART | \
                 berth simulate -f -"
            ),
            Self::Variable => format!(
                "has variables (${{…}}) where values are expected{others}; replace them first, for example: envsubst < FILE \
                 | berth simulate -f -, or for Flux: flux build kustomization NAME --path DIR --kustomization-file FILE --dry-run"
            ),
        }
    }
}

/// What is left out.
#[derive(Default)]
pub(crate) struct LeftOut {
    /// Files in folders that hold no objects.
    files: Vec<Str>,
    /// Files that must be rendered first.
    templates: Vec<(Str, Notation)>,
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
    pub(crate) fn template(&mut self, source: &Str, notation: Notation) {
        if !self.is_template(source) {
            self.templates.push((source.clone(), notation));
        }
    }

    /// Notes an object of an unknown kind.
    pub(crate) fn kind(&mut self, kind: String) {
        *self.kinds.entry(kind).or_default() += 1;
    }

    /// Whether the file that was read last must be rendered first.
    pub(crate) fn is_template(&self, source: &Str) -> bool {
        self.templates.last().is_some_and(|(last, _)| last == source)
    }

    /// Whether there are files that must be rendered first.
    pub(crate) fn has_templates(&self) -> bool {
        !self.templates.is_empty()
    }

    /// The files that must be rendered first, as one problem for each notation.
    pub(crate) fn to_render(&self) -> impl Iterator<Item = Problem> + '_ {
        Notation::ALL.into_iter().filter_map(|notation| {
            let mut files = self.templates.iter().filter(|(_, own)| *own == notation).map(|(file, _)| file);
            let first = files.next()?;
            let (object, field) = (String::new(), String::new());
            let message = notation.advice(1 + files.count());
            Some(Problem { place: Place::start(first.clone()), object, field, message })
        })
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
