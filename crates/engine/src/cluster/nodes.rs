//! Node columns: one dense column per fact, indexed by [`NodeRow`].

use std::collections::BTreeMap;
use std::sync::OnceLock;

use berth_model::Str;
use berth_model::node::{Node, Taint};
use rustc_hash::FxHashMap;

use super::{Domains, Images, NodePodStats};
use crate::cluster::name_order::NameOrder;
use crate::ids::resources::Resources;
use crate::ids::symbols::Symbols;
use crate::ids::{NodeRow, PodRow, ResourceId, Sym};

/// All nodes. Rows of removed nodes are free and are used again.
#[derive(Clone, Debug, Default)]
pub struct Nodes {
    objects: Vec<Option<Node>>,
    /// Whether a row holds a node: the objects are too large to be asked often.
    occupied: Vec<bool>,
    /// Rows that hold a node, sorted.
    live: Vec<NodeRow>,
    by_name: BTreeMap<Str, NodeRow>,
    /// Unset until it is asked for, so that nodes are read in time linear in their number.
    name_order: OnceLock<NameOrder>,
    free: Vec<NodeRow>,
    /// What nodes offer, by resource, then by row.
    pub(crate) allocatable: Vec<Vec<i64>>,
    /// What pods on the node request, by resource, then by row.
    pub(crate) requested: Vec<Vec<i64>>,
    /// How many pods a node may run, by row.
    pub(crate) allowed_pods: Vec<i64>,
    /// CPU that the pods on a node count for in scores, in milli-CPU.
    pub(crate) scored_cpu: Vec<i64>,
    /// Memory that the pods on a node count for in scores, in bytes.
    pub(crate) scored_memory: Vec<i64>,
    /// The pods on a node, in the order in which they came.
    pub(crate) pods: Vec<Vec<PodRow>>,
    /// The extremes over the pods on a node.
    pub(crate) pod_stats: Vec<NodePodStats>,
    /// Whether a node is cordoned.
    pub(crate) unschedulable: Vec<bool>,
    /// Which set of taints a node has, an index into the sets.
    pub(crate) taint_set: Vec<u32>,
    taint_sets: Interned<Vec<Taint>>,
    images: Images,
    label_columns: Vec<Domains>,
    label_index: FxHashMap<Sym, u32>,
}

/// Distinct values numbered in the order in which they came.
#[derive(Clone, Debug)]
struct Interned<T> {
    values: Vec<T>,
    index: FxHashMap<T, u32>,
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Self { values: Vec::new(), index: FxHashMap::default() }
    }
}

impl<T: Clone + Eq + std::hash::Hash> Interned<T> {
    fn intern(&mut self, value: &T) -> u32 {
        if let Some(&id) = self.index.get(value) {
            return id;
        }
        let id = u32::try_from(self.values.len()).expect("fewer than 2^32 distinct sets");
        self.values.push(value.clone());
        self.index.insert(value.clone(), id);
        id
    }
}

impl Nodes {
    /// Rows of all nodes, in row order.
    pub fn rows(&self) -> impl Iterator<Item = NodeRow> + '_ {
        self.live.iter().copied()
    }

    /// One past the last row in use: the length of every column.
    pub fn row_count(&self) -> usize {
        self.objects.len()
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there is no node.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// The row of a node.
    pub fn find(&self, name: &str) -> Option<NodeRow> {
        self.by_name.get(name).copied()
    }

    /// All nodes in the order of their names.
    pub fn by_name(&self) -> impl Iterator<Item = (&Str, NodeRow)> {
        self.by_name.iter().map(|(name, &row)| (name, row))
    }

    /// The order of nodes by name, as numbers.
    pub fn name_order(&self) -> &NameOrder {
        self.name_order.get_or_init(|| NameOrder::new(&self.by_name, self.row_count()))
    }

    /// Whether the row holds a node.
    pub fn is_live(&self, row: NodeRow) -> bool {
        self.occupied[row.index()]
    }

    /// The node in a row.
    ///
    /// # Panics
    /// When the row is free: rows are only handed out for nodes that exist.
    pub fn object(&self, row: NodeRow) -> &Node {
        self.objects[row.index()].as_ref().expect("the row holds a node")
    }

    /// The name of the node in a row.
    pub fn name(&self, row: NodeRow) -> &Str {
        &self.object(row).name
    }

    /// The value of a label of a node.
    pub fn label(&self, row: NodeRow, key: Sym) -> Option<Sym> {
        self.label_column(key)?[row.index()]
    }

    /// The values of one label for all rows; `None` where no node ever had the label.
    pub fn label_column(&self, key: Sym) -> Option<&[Option<Sym>]> {
        Some(self.domains(key)?.values())
    }

    /// The values of one label on all nodes, as topology domains; `None` where no node ever had the label.
    pub fn domains(&self, key: Sym) -> Option<&Domains> {
        self.column(key).map(|column| self.domains_at(column))
    }

    /// The column of a label, for [`Nodes::domains_at`]; it never changes. `None` where no node ever had the label.
    pub fn column(&self, key: Sym) -> Option<u32> {
        self.label_index.get(&key).copied()
    }

    /// How many labels nodes ever had: one past the highest column.
    pub fn label_count(&self) -> usize {
        self.label_columns.len()
    }

    /// The topology domains of a label by its column.
    pub fn domains_at(&self, column: u32) -> &Domains {
        &self.label_columns[column as usize]
    }

    /// What a node offers of a resource.
    pub fn allocatable(&self, row: NodeRow, resource: ResourceId) -> i64 {
        self.allocatable.get(resource.index()).map_or(0, |column| column[row.index()])
    }

    /// Whether any node offers some of a resource.
    pub(crate) fn is_offered(&self, resource: ResourceId) -> bool {
        self.allocatable.get(resource.index()).is_some_and(|column| column.iter().any(|amount| *amount != 0))
    }

    /// What the pods on a node request of a resource.
    pub fn requested(&self, row: NodeRow, resource: ResourceId) -> i64 {
        self.requested.get(resource.index()).map_or(0, |column| column[row.index()])
    }

    /// How many pods a node may run.
    pub fn allowed_pods(&self, row: NodeRow) -> i64 {
        self.allowed_pods[row.index()]
    }

    /// The pods on a node, in the order in which they came.
    pub fn pods(&self, row: NodeRow) -> &[PodRow] {
        &self.pods[row.index()]
    }

    /// The extremes over the pods on a node.
    pub fn pod_stats(&self, row: NodeRow) -> &NodePodStats {
        &self.pod_stats[row.index()]
    }

    /// The taints of a node.
    pub fn taints(&self, row: NodeRow) -> &[Taint] {
        &self.taint_sets.values[self.taint_set[row.index()] as usize]
    }

    /// All sets of taints that nodes ever had; [`Nodes::taint_set`] indexes them.
    pub fn taint_sets(&self) -> &[Vec<Taint>] {
        &self.taint_sets.values
    }

    /// Which of [`Nodes::taint_sets`] a node has.
    pub fn taint_set(&self, row: NodeRow) -> usize {
        self.taint_set[row.index()] as usize
    }

    /// Which nodes hold which images.
    pub fn images(&self) -> &Images {
        &self.images
    }

    pub(crate) fn insert(&mut self, node: Node, symbols: &mut Symbols, resources: &mut Resources) -> NodeRow {
        let row = self.free.pop().unwrap_or_else(|| self.grow());
        if let Err(at) = self.live.binary_search(&row) {
            self.live.insert(at, row);
        }
        self.by_name.insert(node.name.clone(), row);
        if let Some(order) = self.name_order.get_mut() {
            let before = self.by_name.range::<Str, _>(..&node.name).next_back();
            order.insert(row, &node.name, before.map(|(_, &before)| before));
        }
        self.write(row, node, symbols, resources);
        row
    }

    /// Writes what is new of a node that stays; the caller has seen that something is.
    pub(crate) fn replace(
        &mut self,
        row: NodeRow,
        node: Node,
        symbols: &mut Symbols,
        resources: &mut Resources,
    ) {
        let old = self.objects[row.index()].take().expect("the row holds a node");
        for (key, _) in old.labels.iter().filter(|(key, _)| !node.labels.contains_key(key)) {
            let column = self.column_of(symbols.intern(key));
            self.label_columns[column].relabel(row, None);
        }
        for (key, value) in node.labels.iter().filter(|(key, value)| old.labels.get(key) != Some(*value)) {
            let column = self.column_of(symbols.intern(key));
            self.label_columns[column].relabel(row, Some(symbols.intern(value)));
        }
        if old.images != node.images {
            self.images.remove(row, &old.images);
            self.images.insert(row, &node.images);
        }
        self.allocatable.iter_mut().for_each(|column| column[row.index()] = 0);
        self.write_facts(row, node, resources);
    }

    pub(crate) fn remove(&mut self, row: NodeRow) {
        let name = self.name(row).clone();
        self.by_name.remove(&name);
        if let Some(order) = self.name_order.get_mut() {
            order.remove(row);
        }
        self.clear(row);
        if let Ok(at) = self.live.binary_search(&row) {
            self.live.remove(at);
        }
        self.free.push(row);
    }

    /// Makes sure that there is a column for each kind of resource.
    pub(crate) fn add_resource_columns(&mut self, kinds: usize) {
        let rows = self.objects.len();
        self.allocatable.resize_with(kinds.max(self.allocatable.len()), || vec![0; rows]);
        self.requested.resize_with(kinds.max(self.requested.len()), || vec![0; rows]);
    }

    fn grow(&mut self) -> NodeRow {
        let row = NodeRow(u32::try_from(self.objects.len()).expect("fewer than 2^32 nodes"));
        self.objects.push(None);
        self.occupied.push(false);
        self.allocatable.iter_mut().chain(&mut self.requested).for_each(|column| column.push(0));
        self.allowed_pods.push(0);
        self.scored_cpu.push(0);
        self.scored_memory.push(0);
        self.pods.push(Vec::new());
        self.pod_stats.push(NodePodStats::default());
        self.unschedulable.push(false);
        self.taint_set.push(0);
        self.label_columns.iter_mut().for_each(|column| column.grow(self.objects.len()));
        row
    }

    /// Forgets what the node object said; what pods on the row use stays.
    fn clear(&mut self, row: NodeRow) {
        let at = row.index();
        if let Some(node) = self.objects[at].take() {
            self.images.remove(row, &node.images);
        }
        self.allocatable.iter_mut().for_each(|column| column[at] = 0);
        self.label_columns.iter_mut().for_each(|column| column.set(row, None));
        self.occupied[at] = false;
        self.allowed_pods[at] = 0;
        self.unschedulable[at] = false;
    }

    fn write(&mut self, row: NodeRow, node: Node, symbols: &mut Symbols, resources: &mut Resources) {
        for (key, value) in node.labels.iter() {
            let column = self.column_of(symbols.intern(key));
            self.label_columns[column].set(row, Some(symbols.intern(value)));
        }
        self.images.insert(row, &node.images);
        self.write_facts(row, node, resources);
    }

    /// Writes everything but labels and images. The node's allocatable columns are zero.
    fn write_facts(&mut self, row: NodeRow, node: Node, resources: &mut Resources) {
        let at = row.index();
        self.allowed_pods[at] = 0;
        for (name, quantity) in &node.allocatable {
            if &**name == "pods" {
                self.allowed_pods[at] = quantity.value();
                continue;
            }
            let (id, amount) = resources.amount(name, *quantity);
            self.add_resource_columns(resources.len());
            self.allocatable[id.index()][at] = amount;
        }
        self.unschedulable[at] = node.unschedulable;
        self.taint_set[at] = self.taint_sets.intern(&node.taints);
        self.occupied[at] = true;
        self.objects[at] = Some(node);
    }

    /// The column of a label, made now if it is new.
    fn column_of(&mut self, key: Sym) -> usize {
        let rows = self.objects.len();
        let column = *self.label_index.entry(key).or_insert_with(|| {
            let mut domains = Domains::default();
            domains.grow(rows);
            self.label_columns.push(domains);
            u32::try_from(self.label_columns.len() - 1).expect("fewer than 2^32 label keys")
        });
        column as usize
    }
}
