//! What plugins reserve with a placement, and the writes that make it true.
//!
//! A plugin reserves effects in its own words ([`Plugin::reserve`](crate::plugin::Plugin::reserve)). Whoever places
//! pods treats them alike: applies them to the cluster, sends their writes, asks the plugin whether the pod can be
//! bound ([`Plugin::pre_bind`](crate::plugin::Plugin::pre_bind)), and reverts them if the placement fails.

use berth_devices::extended::RequestMapping;
use berth_model::Str;
use berth_model::device::{Allocation, Consumer, ResourceClaim};
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
    /// The claim's uid.
    pub claim_uid: Str,
    /// The devices that it gets; `None` if it has devices already.
    pub allocation: Option<Allocation>,
    /// The pod.
    pub consumer: Consumer,
}

impl DeviceReservation {
    /// The claim.
    pub fn object(&self) -> ObjectKey {
        device_claim(&self.namespace, &self.claim)
    }

    /// The claim after the write, as the API server stores it.
    ///
    /// # Errors
    /// The API server refuses the write. Upstream: `pkg/apis/resource/validation/validation.go`.
    pub fn write_into(&self, claim: &ResourceClaim) -> Result<ResourceClaim, ReservationError> {
        let mut after = claim.clone();
        match (&self.allocation, &claim.allocation) {
            (Some(wanted), None) => after.allocation = Some(wanted.clone()),
            (Some(wanted), Some(found)) if wanted != found => return Err(ReservationError::OtherDevices),
            (None, None) => return Err(ReservationError::NoDevices),
            (_, Some(_)) => {}
        }
        if !after.reserved_for.contains(&self.consumer) {
            after.reserved_for.push(self.consumer.clone());
        }
        Ok(after)
    }
}

/// Why the API server does not write a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReservationError {
    /// The claim has other devices.
    OtherDevices,
    /// The claim has no devices, and gets none.
    NoDevices,
}

impl ReservationError {
    /// The API server's message.
    pub fn message(self) -> &'static str {
        match self {
            Self::OtherDevices => "status.allocation: Invalid value: field is immutable",
            Self::NoDevices => "status.reservedFor: Forbidden: may not be set without an allocation",
        }
    }
}

/// A claim that the scheduler makes for the extended resources of a pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NewDeviceClaim {
    /// The claim with its devices.
    pub claim: ResourceClaim,
    /// Which request serves which container (`status.extendedResourceClaimStatus` of the pod).
    pub mappings: Vec<RequestMapping>,
}

impl NewDeviceClaim {
    /// Whether a claim is the one that this stands for.
    pub fn is(&self, claim: &ResourceClaim) -> bool {
        claim.extended_owner() == self.claim.extended_owner()
    }

    /// The claim as the API server creates it, with this uid: its status is written later.
    pub fn created(&self, uid: Str) -> ResourceClaim {
        ResourceClaim { uid, allocation: None, reserved_for: Vec::new(), ..self.claim.clone() }
    }

    /// What is written into the status of the claim after the API server has made it, with this uid.
    pub fn reservation(&self, uid: &Str) -> DeviceReservation {
        DeviceReservation {
            namespace: self.claim.namespace.clone(),
            claim: self.claim.name.clone(),
            claim_uid: uid.clone(),
            allocation: self.claim.allocation.clone(),
            consumer: self.claim.reserved_for.first().cloned().unwrap_or_default(),
        }
    }
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
    /// Write devices into the status of a claim that has none, and reserve the claim for a pod. With its devices the
    /// claim gets the finalizer `resource.kubernetes.io/delete-protection`.
    ReserveDevices(Box<DeviceReservation>),
    /// POST the claim for a pod's extended resources, write its devices into its status, and note it in the pod's
    /// (`status.extendedResourceClaimStatus`). If the claim is there already, the rest is done.
    MakeDeviceClaim(Box<NewDeviceClaim>),
    /// Take the devices of a claim that no other pod uses, or delete a claim that was made for extended resources in an
    /// earlier attempt: it keeps a pod from every node.
    GiveUpDevices {
        /// The claim's namespace.
        namespace: Str,
        /// The claim's name.
        claim: Str,
        /// The claim's uid.
        claim_uid: Str,
        /// Whether the claim is deleted.
        delete: bool,
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
            Self::ReserveDevices(wanted) => wanted.object(),
            Self::MakeDeviceClaim(made) => device_claim(&made.claim.namespace, &made.claim.name),
        }
    }

    /// Whether an object of this kind can change the answer of [`Plugin::pre_bind`](crate::plugin::Plugin::pre_bind).
    pub fn waits_for(&self, kind: Kind) -> bool {
        match self {
            Self::BindVolume { .. } | Self::ProvisionVolume { .. } => {
                matches!(kind, Kind::Claim | Kind::Volume)
            }
            Self::ReserveDevices(_) | Self::MakeDeviceClaim(_) => kind == Kind::ResourceClaim,
        }
    }

    /// The plugin's message if the effect cannot become true.
    pub fn failure(&self, why: &str) -> String {
        match self {
            Self::BindVolume { .. } | Self::ProvisionVolume { .. } => format!("binding volumes: {why}"),
            Self::ReserveDevices(_) | Self::MakeDeviceClaim(_) => why.to_owned(),
        }
    }
}

fn device_claim(namespace: &Str, name: &Str) -> ObjectKey {
    ObjectKey { kind: Kind::ResourceClaim, namespace: namespace.clone(), name: name.clone() }
}
