//! Dense identifiers. An index of one kind cannot be used for another.

pub(crate) mod hash;
pub mod name;
pub mod resources;
pub mod symbols;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u32);

        impl $name {
            /// The identifier as an index into a column.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

ids! {
    /// A node's row in every node column. A removed node leaves a free row.
    NodeRow,
    /// A pod's row. A removed pod leaves a free row.
    PodRow,
    /// A set of pods that have equal specs, so that nothing but their names tells them apart.
    PodClassId,
    /// A kind of resource: an index of a column of amounts.
    ResourceId,
    /// An interned string.
    Sym,
}

impl ResourceId {
    /// CPU, in milli-CPU.
    pub const CPU: Self = Self(0);
    /// Memory, in bytes.
    pub const MEMORY: Self = Self(1);
    /// Ephemeral storage, in bytes.
    pub const EPHEMERAL_STORAGE: Self = Self(2);
}
