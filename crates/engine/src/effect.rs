//! What a decision changes beside the pod's node.

use berth_devices::extended::RequestMapping;
use berth_model::Str;
use berth_model::device::{Allocation, Consumer, ResourceClaim};

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
    /// Reserve a claim on devices for the pod.
    ReserveDevices(Box<DeviceReservation>),
    /// Make the claim that serves the pod's extended resources.
    MakeDeviceClaim(Box<NewDeviceClaim>),
}

/// What is written into the status of a claim on devices.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DeviceReservation {
    /// The claim's namespace.
    pub namespace: Str,
    /// The claim's name.
    pub claim: Str,
    /// The devices that it gets; `None` if it has devices already.
    pub allocation: Option<Allocation>,
    /// The pod.
    pub consumer: Consumer,
}

/// A claim that the scheduler makes for the extended resources of a pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NewDeviceClaim {
    /// The claim with its devices. The API server adds a random part to its name.
    pub claim: ResourceClaim,
    /// Which request serves which container (`status.extendedResourceClaimStatus` of the pod).
    pub mappings: Vec<RequestMapping>,
}
