//! What plugins reserve with a placement, and the writes that make it true.
//!
//! A plugin reserves effects in its own words ([`Plugin::reserve`](crate::plugin::Plugin::reserve)). Whoever places pods
//! treats them alike: applies them to the cluster, sends their writes, asks the plugin whether the pod can be bound
//! ([`Plugin::pre_bind`](crate::plugin::Plugin::pre_bind)), and reverts them if the placement fails.

use berth_model::Str;
use berth_model::object::{Kind, ObjectKey};

/// A change of an object that a placement needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Reserve a volume for a claim (`spec.claimRef`), and with it the claim for the volume.
    BindVolume {
        /// The volume.
        volume: Str,
        /// The claim's namespace.
        namespace: Str,
        /// The claim's name.
        claim: Str,
    },
    /// Tell the provisioner on which node a claim's volume must be made (`volume.kubernetes.io/selected-node`).
    ProvisionVolume {
        /// The claim's namespace.
        namespace: Str,
        /// The claim's name.
        claim: Str,
        /// The node.
        node: Str,
    },
}

/// A write at the API server that makes an effect true (`Cluster::write_of`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Write {
    /// PATCH a volume's `spec.claimRef`, and the annotation `pv.kubernetes.io/bound-by-controller: "yes"`.
    BindVolume {
        /// The volume.
        volume: Str,
        /// The claim's namespace.
        namespace: Str,
        /// The claim's name.
        claim: Str,
        /// The claim's uid.
        claim_uid: Str,
        /// Whether a user had reserved the volume for the claim. If so, the annotation is not written.
        reserved: bool,
    },
    /// PATCH a claim's annotation `volume.kubernetes.io/selected-node`.
    SelectNode {
        /// The claim's namespace.
        namespace: Str,
        /// The claim's name.
        claim: Str,
        /// The node.
        node: Str,
    },
}

impl Effect {
    /// The object that the effect changes.
    pub fn object(&self) -> ObjectKey {
        match self {
            Self::BindVolume { volume, .. } => {
                ObjectKey { kind: Kind::Volume, namespace: "".into(), name: volume.clone() }
            }
            Self::ProvisionVolume { namespace, claim, .. } => {
                ObjectKey { kind: Kind::Claim, namespace: namespace.clone(), name: claim.clone() }
            }
        }
    }

    /// Whether an object of this kind can change the answer of [`Plugin::pre_bind`](crate::plugin::Plugin::pre_bind).
    pub fn waits_for(&self, kind: Kind) -> bool {
        match self {
            Self::BindVolume { .. } | Self::ProvisionVolume { .. } => {
                matches!(kind, Kind::Claim | Kind::Volume)
            }
        }
    }

    /// The plugin's message if the effect cannot become true.
    pub fn failure(&self, why: &str) -> String {
        match self {
            Self::BindVolume { .. } | Self::ProvisionVolume { .. } => format!("binding volumes: {why}"),
        }
    }
}
