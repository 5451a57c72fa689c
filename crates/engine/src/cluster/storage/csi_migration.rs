//! In-tree volume plugins whose volumes are served by CSI drivers, and how their disks are seen by those drivers.
//!
//! Upstream: csi-translation-lib `translate.go` and `plugins/`; `nodevolumelimits/utils.go`. Migration is always on for
//! five plugins; the scheduler leaves vSphere and Azure File volumes as they are.

use std::collections::BTreeSet;

use berth_model::Str;
use berth_model::labels::Labels;
use berth_model::selector::{NodeSelector, NodeSelectorTerm, Operator, Requirement};
use berth_model::volume::{Disk, Volume};

const ZONE: &str = "topology.kubernetes.io/zone";
const REGION: &str = "topology.kubernetes.io/region";
const BETA_ZONE: &str = "failure-domain.beta.kubernetes.io/zone";
const BETA_REGION: &str = "failure-domain.beta.kubernetes.io/region";

/// Separates the zones in a volume's zone label.
pub(crate) const ZONE_SEPARATOR: &str = "__";

/// An in-tree plugin and the driver that took its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Migration {
    /// The plugin's name, as a provisioner and in a node's list of migrated plugins.
    pub plugin: &'static str,
    /// The CSI driver's name.
    pub driver: &'static str,
    /// The node label by which the driver tells zones apart, where zones are translated.
    topology_key: Option<&'static str>,
}

const AWS: Migration = Migration {
    plugin: "kubernetes.io/aws-ebs",
    driver: "ebs.csi.aws.com",
    topology_key: Some("topology.ebs.csi.aws.com/zone"),
};
const GCE: Migration = Migration {
    plugin: "kubernetes.io/gce-pd",
    driver: "pd.csi.storage.gke.io",
    topology_key: Some("topology.gke.io/zone"),
};
const AZURE: Migration =
    Migration { plugin: "kubernetes.io/azure-disk", driver: "disk.csi.azure.com", topology_key: None };
const CINDER: Migration = Migration {
    plugin: "kubernetes.io/cinder",
    driver: "cinder.csi.openstack.org",
    topology_key: Some("topology.cinder.csi.openstack.org/zone"),
};
const PORTWORX: Migration =
    Migration { plugin: "kubernetes.io/portworx-volume", driver: "pxd.portworx.com", topology_key: None };

const MIGRATIONS: [Migration; 5] = [AWS, GCE, AZURE, CINDER, PORTWORX];

/// In-tree plugins that have a CSI driver, but whose volumes the scheduler takes as they are.
const LEFT_ALONE: [&str; 2] = ["kubernetes.io/vsphere-volume", "kubernetes.io/azure-file"];

/// What makes the volumes of a storage class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Provisioner<'a> {
    /// A driver.
    Driver(&'a str),
    /// An in-tree plugin that a driver took the place of.
    Migrated(Migration),
    /// An in-tree plugin whose volumes are not counted.
    LeftAlone,
}

impl<'a> Provisioner<'a> {
    /// Reads the `provisioner` of a class.
    pub(crate) fn of(name: &'a str) -> Self {
        if LEFT_ALONE.contains(&name) {
            return Self::LeftAlone;
        }
        MIGRATIONS.into_iter().find(|m| m.plugin == name).map_or(Self::Driver(name), Self::Migrated)
    }
}

impl Migration {
    /// The migration that a disk is subject to.
    pub(crate) fn of(disk: &Disk) -> Option<Self> {
        match disk {
            Disk::AwsElasticBlockStore { .. } => Some(AWS),
            Disk::GcePersistentDisk { .. } => Some(GCE),
            Disk::AzureDisk { .. } => Some(AZURE),
            Disk::Cinder { .. } => Some(CINDER),
            Disk::Portworx { .. } => Some(PORTWORX),
            Disk::Iscsi { .. } | Disk::Rbd { .. } | Disk::Vsphere { .. } => None,
        }
    }
}

/// The driver's handle of a disk that a pod names itself.
///
/// # Errors
/// Upstream's words, where the disk's id makes no sense.
pub(crate) fn inline_handle(disk: &Disk) -> Result<Str, String> {
    match disk {
        Disk::GcePersistentDisk { name, .. } => Ok(gce_handle("zones", "UNSPECIFIED", name)),
        _ => plain_handle(disk),
    }
}

/// The driver's handle of a volume on a disk.
///
/// # Errors
/// Upstream's words, where the disk's id or the volume's zones make no sense.
pub(crate) fn volume_handle(volume: &Volume, disk: &Disk) -> Result<Str, String> {
    let Disk::GcePersistentDisk { name, .. } = disk else { return plain_handle(disk) };
    let label = |key| volume.labels.get(key).filter(|v| !v.is_empty());
    let zones: Vec<&str> =
        label(BETA_ZONE).or(label(ZONE)).map_or(Vec::new(), |v| v.split(ZONE_SEPARATOR).collect());
    match zones[..] {
        [] => Ok(gce_handle("zones", "UNSPECIFIED", name)),
        [zone] => Ok(gce_handle("zones", zone, name)),
        _ => Ok(gce_handle("regions", &gce_region(&zones)?, name)),
    }
}

fn plain_handle(disk: &Disk) -> Result<Str, String> {
    match disk {
        Disk::AwsElasticBlockStore { id } => aws_handle(id),
        Disk::GcePersistentDisk { name, .. } => Ok(name.clone()),
        Disk::AzureDisk { uri, kind, .. } if kind.eq_ignore_ascii_case("managed") => Ok(uri.clone()),
        Disk::AzureDisk { kind, .. } => Err(format!("kind({kind}) is not supported in csi migration")),
        Disk::Cinder { id } | Disk::Portworx { id } => Ok(id.clone()),
        Disk::Vsphere { path } => Ok(path.clone()),
        Disk::Iscsi { iqn, .. } => Ok(iqn.clone()),
        Disk::Rbd { image, .. } => Ok(image.clone()),
    }
}

/// `vol-1`, `aws:///vol-1` and `aws://zone/vol-1` are the same disk.
fn aws_handle(id: &Str) -> Result<Str, String> {
    let Some(url) = id.strip_prefix("aws://") else { return Ok(id.clone()) };
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let handle = url.split_once('/').map_or("", |(_, path)| path).trim_matches('/');
    if !handle.starts_with("vol-") || handle.contains('/') {
        return Err(format!(
            "failed to translate Kubernetes ID to EBS Volume ID Invalid format for AWS volume ({id})"
        ));
    }
    Ok(handle.into())
}

fn gce_handle(kind: &str, place: &str, disk: &str) -> Str {
    format!("projects/UNSPECIFIED/{kind}/{place}/disks/{disk}").into()
}

fn gce_region(zones: &[&str]) -> Result<String, String> {
    let failed = |why: String| format!("failed to get region from zones: {why}");
    let mut regions = BTreeSet::new();
    for zone in zones {
        let parts: Vec<&str> = zone.split('-').collect();
        let [locale, region, _] = parts[..] else {
            let expected = "zone in unexpected format, expected: {locale}-{region}-{zone}, got:";
            return Err(failed(format!("{expected} {zone}")));
        };
        regions.insert(format!("{locale}-{region}"));
    }
    let list: Vec<String> = regions.into_iter().collect();
    if let [region] = &list[..] {
        return Ok(region.clone());
    }
    let set: Vec<String> = list.iter().map(|r| format!("{r}:{{}}")).collect();
    Err(failed(format!("multiple or no regions gotten from zones, got: map[{}]", set.join(" "))))
}

/// The node affinity of a volume as the driver of its disk sees it: zones by the driver's own label.
///
/// # Errors
/// As [`volume_handle`]: upstream translates all of a volume or nothing.
pub(crate) fn node_affinity(volume: &Volume, disk: &Disk) -> Result<Option<NodeSelector>, String> {
    volume_handle(volume, disk)?;
    let mut affinity = volume.node_affinity.clone();
    let Some(key) = Migration::of(disk).and_then(|m| m.topology_key) else { return Ok(affinity) };
    let terms = affinity.as_ref().map_or(&[][..], |a| &a.terms);
    let beta = uses_beta(terms, &volume.labels);
    let zone = if beta { BETA_ZONE } else { ZONE };
    if values(terms, zone).next().is_some() {
        rename(&mut affinity, zone, key);
    } else if let Some(label) = volume.labels.get(zone) {
        add_zones(&mut affinity, key, label);
    }
    if beta && values(affinity.as_ref().map_or(&[][..], |a| &a.terms), BETA_REGION).next().is_some() {
        rename(&mut affinity, BETA_REGION, REGION);
    }
    Ok(affinity)
}

/// Whether the volume speaks of zones by the old labels: its affinity decides before its labels.
fn uses_beta(terms: &[NodeSelectorTerm], labels: &Labels) -> bool {
    let mentions = |key: &str| terms.iter().flat_map(|t| &t.expressions).any(|r| &*r.key == key);
    if mentions(ZONE) {
        return false;
    }
    mentions(BETA_ZONE) || (!labels.contains_key(ZONE) && labels.contains_key(BETA_ZONE))
}

fn values<'t>(terms: &'t [NodeSelectorTerm], key: &'t str) -> impl Iterator<Item = &'t Str> {
    let on_key = terms.iter().flat_map(|t| &t.expressions).filter(move |r| &*r.key == key);
    on_key.flat_map(|r| &r.values)
}

fn rename(affinity: &mut Option<NodeSelector>, from: &str, to: &'static str) {
    let terms = affinity.iter_mut().flat_map(|a| &mut a.terms);
    for requirement in terms.flat_map(|t| &mut t.expressions).filter(|r| &*r.key == from) {
        requirement.key = to.into();
    }
}

fn add_zones(affinity: &mut Option<NodeSelector>, key: &'static str, label: &str) {
    let zones: BTreeSet<&str> =
        label.split(ZONE_SEPARATOR).map(str::trim).filter(|z| !z.is_empty()).collect();
    if zones.is_empty() {
        return;
    }
    let terms = &mut affinity.get_or_insert_default().terms;
    if terms.is_empty() {
        terms.push(NodeSelectorTerm::default());
    }
    let values: Vec<Str> = zones.into_iter().map(Str::from).collect();
    for term in terms {
        term.expressions.push(Requirement {
            key: key.into(),
            operator: Operator::In,
            values: values.clone(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aws(id: &str) -> Disk {
        Disk::AwsElasticBlockStore { id: id.into() }
    }

    fn gce() -> Disk {
        Disk::GcePersistentDisk { name: "d".into(), read_only: false }
    }

    fn labelled(pairs: &[(&str, &str)]) -> Volume {
        Volume { labels: pairs.iter().copied().collect(), ..Volume::default() }
    }

    #[test]
    fn an_ebs_disk_has_one_handle_however_its_id_is_written() {
        let bad = "failed to translate Kubernetes ID to EBS Volume ID Invalid format for AWS volume";
        let cases = [
            ("vol-1", "vol-1".to_string()),
            ("aws:///vol-1", "vol-1".into()),
            ("aws://us-east-1a/vol-1", "vol-1".into()),
            ("aws://us-east-1a/vol-1/", "vol-1".into()),
            ("aws://us-east-1a/disk", format!("{bad} (aws://us-east-1a/disk)")),
            ("aws://us-east-1a/vol-1/2", format!("{bad} (aws://us-east-1a/vol-1/2)")),
            ("aws://vol-1", format!("{bad} (aws://vol-1)")),
        ];
        for (id, expected) in cases {
            let handle = inline_handle(&aws(id)).map_or_else(|e| e, |h| h.to_string());
            assert_eq!(handle, expected);
        }
    }

    #[test]
    fn an_azure_disk_is_known_to_the_driver_if_it_is_managed() {
        let azure = |kind: &str| Disk::AzureDisk { name: "d".into(), uri: "/d".into(), kind: kind.into() };
        assert_eq!(inline_handle(&azure("Managed")).as_deref(), Ok("/d"));
        let error = inline_handle(&azure("Shared")).unwrap_err();
        assert_eq!(error, "kind(Shared) is not supported in csi migration");
    }

    #[test]
    fn a_gce_disk_is_placed_by_the_zones_of_its_volume() {
        let failed = "failed to get region from zones: ";
        let cases: &[(&[(&str, &str)], String)] = &[
            (&[], "projects/UNSPECIFIED/zones/UNSPECIFIED/disks/d".into()),
            (&[(ZONE, "")], "projects/UNSPECIFIED/zones/UNSPECIFIED/disks/d".into()),
            (&[(ZONE, "us-c-1")], "projects/UNSPECIFIED/zones/us-c-1/disks/d".into()),
            (&[(ZONE, "us-c-1"), (BETA_ZONE, "us-c-2")], "projects/UNSPECIFIED/zones/us-c-2/disks/d".into()),
            (&[(ZONE, "us-c-1__us-c-2")], "projects/UNSPECIFIED/regions/us-c/disks/d".into()),
            (
                &[(ZONE, "us-e-1__us-c-2")],
                format!("{failed}multiple or no regions gotten from zones, got: map[us-c:{{}} us-e:{{}}]"),
            ),
            (
                &[(ZONE, "a__b")],
                format!(
                    "{failed}zone in unexpected format, expected: {{locale}}-{{region}}-{{zone}}, got: a"
                ),
            ),
        ];
        for (pairs, expected) in cases {
            let handle = volume_handle(&labelled(pairs), &gce()).map_or_else(|e| e, |h| h.to_string());
            assert_eq!(handle, *expected);
        }
    }

    fn affinity_text(selector: Option<&NodeSelector>) -> String {
        let term = |t: &NodeSelectorTerm| {
            t.expressions.iter().map(|r| format!("{}={}", r.key, r.values.join(","))).collect::<Vec<_>>()
        };
        let terms = selector.iter().flat_map(|s| &s.terms).map(|t| term(t).join(" "));
        terms.collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn zones_are_translated_to_the_label_of_the_driver() {
        type Pairs<'a> = &'a [(&'a str, &'a str)];
        let cases: &[(&str, Pairs<'_>, &[Pairs<'_>], &str)] = &[
            ("no zone at all", &[], &[], ""),
            ("by affinity", &[], &[&[(ZONE, "a")]], "topology.ebs.csi.aws.com/zone=a"),
            ("affinity before label", &[(ZONE, "b")], &[&[(ZONE, "a")]], "topology.ebs.csi.aws.com/zone=a"),
            ("by label", &[(ZONE, "b__a__ ")], &[], "topology.ebs.csi.aws.com/zone=a,b"),
            (
                "by label, to each term",
                &[(BETA_ZONE, "a")],
                &[&[("x", "1")], &[("y", "2")]],
                "x=1 topology.ebs.csi.aws.com/zone=a | y=2 topology.ebs.csi.aws.com/zone=a",
            ),
            (
                "old labels",
                &[],
                &[&[(BETA_ZONE, "a"), (BETA_REGION, "r")]],
                "topology.ebs.csi.aws.com/zone=a topology.kubernetes.io/region=r",
            ),
        ];
        for (what, labels, terms, expected) in cases {
            let mut volume = labelled(labels);
            let requirement = |&(key, value): &(&str, &str)| Requirement {
                key: key.into(),
                operator: Operator::In,
                values: vec![value.into()],
            };
            let term = |pairs: &Pairs<'_>| NodeSelectorTerm {
                expressions: pairs.iter().map(requirement).collect(),
                fields: Vec::new(),
            };
            if !terms.is_empty() {
                volume.node_affinity = Some(NodeSelector { terms: terms.iter().map(term).collect() });
            }
            let affinity = node_affinity(&volume, &aws("vol-1")).unwrap();
            assert_eq!(affinity_text(affinity.as_ref()), *expected, "{what}");
        }
    }

    #[test]
    fn provisioners_are_told_apart_by_name() {
        assert_eq!(Provisioner::of("ebs.csi.aws.com"), Provisioner::Driver("ebs.csi.aws.com"));
        assert_eq!(Provisioner::of("kubernetes.io/aws-ebs"), Provisioner::Migrated(AWS));
        assert_eq!(Provisioner::of("kubernetes.io/vsphere-volume"), Provisioner::LeftAlone);
    }
}
