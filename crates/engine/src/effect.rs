//! What a decision changes beside the pod's node.

use berth_model::Str;

/// A change that goes with a placement. The shell carries it out and feeds it back.
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
    /// Tell the provisioner on which node a claim's volume is to be made (`volume.kubernetes.io/selected-node`).
    ProvisionVolume {
        /// The claim's namespace.
        namespace: Str,
        /// The claim's name.
        claim: Str,
        /// The node.
        node: Str,
    },
}
