//! Interned strings: label keys and values, namespaces, names that are compared in inner loops.

use berth_model::Str;
use berth_model::labels::Labels;
use berth_model::selector::parse_go_int;
use rustc_hash::FxHashMap;

use crate::ids::Sym;

/// A table of strings. Equal strings have equal symbols, so comparing them compares integers.
#[derive(Clone, Debug)]
pub struct Symbols {
    texts: Vec<Str>,
    numbers: Vec<Option<i64>>,
    index: FxHashMap<Str, Sym>,
}

/// Labels of nodes that decide for pods that do not mention them: they have symbols before any node has them.
const WELL_KNOWN: [&str; 2] = ["kubernetes.io/hostname", "topology.kubernetes.io/zone"];

impl Default for Symbols {
    fn default() -> Self {
        let mut symbols = Self { texts: Vec::new(), numbers: Vec::new(), index: FxHashMap::default() };
        for text in WELL_KNOWN {
            symbols.intern(text);
        }
        symbols
    }
}

/// Labels as symbols, sorted by key symbol.
pub type LabelSet = Vec<(Sym, Sym)>;

impl Symbols {
    /// The symbol of `text`, made now if it is new.
    pub fn intern(&mut self, text: &str) -> Sym {
        if let Some(&sym) = self.index.get(text) {
            return sym;
        }
        let sym = Sym(u32::try_from(self.texts.len()).expect("fewer than 2^32 distinct strings"));
        let text: Str = text.into();
        self.numbers.push(parse_go_int(&text));
        self.texts.push(text.clone());
        self.index.insert(text, sym);
        sym
    }

    /// The symbol of `text`, if any object ever mentioned it.
    pub fn find(&self, text: &str) -> Option<Sym> {
        self.index.get(text).copied()
    }

    /// The string of a symbol.
    pub fn text(&self, sym: Sym) -> &Str {
        &self.texts[sym.index()]
    }

    /// The string read as an integer, as the operators `Gt` and `Lt` do.
    pub fn number(&self, sym: Sym) -> Option<i64> {
        self.numbers[sym.index()]
    }

    /// Interns labels.
    pub fn intern_labels(&mut self, labels: &Labels) -> LabelSet {
        let mut set: LabelSet = labels.iter().map(|(k, v)| (self.intern(k), self.intern(v))).collect();
        set.sort_unstable();
        set
    }
}

/// The value of `key` in a label set.
pub fn label(set: &[(Sym, Sym)], key: Sym) -> Option<Sym> {
    let at = set.binary_search_by_key(&key, |&(k, _)| k).ok()?;
    Some(set[at].1)
}
