//! Extenders: servers that are asked about nodes over HTTP.

use crate::duration::Duration;
use crate::fields::Fields;
use crate::label;
use crate::path::Path;
use crate::sink::Sink;

/// What upstream waits for an answer where the configuration says nothing.
const TIMEOUT_SECONDS: u32 = 5;

/// A server to ask. A verb that is empty is not supported by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extender {
    /// The start of its address, to which the verbs are appended.
    pub url_prefix: String,
    /// Narrows the nodes down.
    pub filter_verb: String,
    /// Has a say in preemption.
    pub preempt_verb: String,
    /// Scores the nodes.
    pub prioritize_verb: String,
    /// Multiplies its scores; above 0 where it scores.
    pub weight: i64,
    /// Binds pods; one extender at most may do so.
    pub bind_verb: String,
    /// Whether to use HTTPS.
    pub enable_https: bool,
    /// How to use HTTPS.
    pub tls: Option<ExtenderTls>,
    /// How long to wait for an answer; below zero means without end.
    pub http_timeout: Duration,
    /// Whether it knows the nodes and needs only their names.
    pub node_cache_capable: bool,
    /// It is asked about pods that request one of these, or about every pod where there are none.
    pub managed_resources: Vec<ManagedResource>,
    /// Whether scheduling goes on without it where it fails.
    pub ignorable: bool,
}

/// An extended resource that an extender looks after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedResource {
    /// As in `example.com/foo`.
    pub name: String,
    /// Whether NodeResourcesFit leaves it to the extender.
    pub ignored_by_scheduler: bool,
}

/// Certificates of an extender; data goes before files. Whether they are certificates shows when they are first used.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExtenderTls {
    /// Whether to take any certificate.
    pub insecure: bool,
    /// The name to expect in the certificate; empty means the host.
    pub server_name: String,
    /// Path of the client's certificate.
    pub cert_file: String,
    /// Path of the client's key.
    pub key_file: String,
    /// Path of the authorities to trust.
    pub ca_file: String,
    /// The client's certificate, PEM.
    pub cert_data: Vec<u8>,
    /// The client's key, PEM.
    pub key_data: Vec<u8>,
    /// The authorities to trust, PEM.
    pub ca_data: Vec<u8>,
}

const FIELDS: &[&str] = &[
    "urlPrefix",
    "filterVerb",
    "preemptVerb",
    "prioritizeVerb",
    "weight",
    "bindVerb",
    "enableHTTPS",
    "tlsConfig",
    "httpTimeout",
    "nodeCacheCapable",
    "managedResources",
    "ignorable",
];
const TLS: &[&str] =
    &["insecure", "serverName", "certFile", "keyFile", "caFile", "certData", "keyData", "caData"];

impl Extender {
    /// Reads and validates `extenders`, in the order in which they are written.
    pub(crate) fn read_all(configuration: &Fields<'_>) -> Vec<Self> {
        let extenders = configuration.objects("extenders", FIELDS, |e| Self::read(&e));
        validate(&extenders, &configuration.at("extenders"), configuration.sink());
        extenders
    }

    fn read(fields: &Fields<'_>) -> Self {
        let text = |name| fields.text(name).unwrap_or_default();
        let flag = |name| fields.boolean(name).unwrap_or_default();
        Self {
            url_prefix: text("urlPrefix"),
            filter_verb: text("filterVerb"),
            preempt_verb: text("preemptVerb"),
            prioritize_verb: text("prioritizeVerb"),
            weight: fields.int64("weight").unwrap_or_default(),
            bind_verb: text("bindVerb"),
            enable_https: flag("enableHTTPS"),
            tls: fields.get("tlsConfig").map(|_| ExtenderTls::read(&fields.object("tlsConfig", TLS))),
            http_timeout: fields
                .duration("httpTimeout")
                .filter(|t| *t != Duration::ZERO)
                .unwrap_or(Duration::from_seconds(TIMEOUT_SECONDS)),
            node_cache_capable: flag("nodeCacheCapable"),
            managed_resources: fields.objects("managedResources", &["name", "ignoredByScheduler"], |r| {
                ManagedResource {
                    name: r.text("name").unwrap_or_default(),
                    ignored_by_scheduler: r.boolean("ignoredByScheduler").unwrap_or_default(),
                }
            }),
            ignorable: flag("ignorable"),
        }
    }
}

impl ExtenderTls {
    fn read(fields: &Fields<'_>) -> Self {
        let text = |name| fields.text(name).unwrap_or_default();
        let bytes = |name| fields.bytes(name).unwrap_or_default();
        Self {
            insecure: fields.boolean("insecure").unwrap_or_default(),
            server_name: text("serverName"),
            cert_file: text("certFile"),
            key_file: text("keyFile"),
            ca_file: text("caFile"),
            cert_data: bytes("certData"),
            key_data: bytes("keyData"),
            ca_data: bytes("caData"),
        }
    }
}

/// Upstream: `validateExtenders` in `apis/config/validation/validation.go`.
fn validate(extenders: &[Extender], path: &Path, sink: &Sink) {
    let mut managed: Vec<&str> = Vec::new();
    for (i, extender) in extenders.iter().enumerate() {
        let path = path.index(i);
        if !extender.prioritize_verb.is_empty() && extender.weight <= 0 {
            sink.invalid(&path.child("weight"), extender.weight, "must have a positive weight applied to it");
        }
        for (j, resource) in extender.managed_resources.iter().enumerate() {
            let path = path.child("managedResources").index(j).child("name");
            validate_resource(&resource.name, &path, sink);
            if managed.contains(&resource.name.as_str()) {
                sink.invalid_text(&path, &resource.name, "duplicate extender managed resource name");
            }
            managed.push(&resource.name);
        }
    }
    let binders = extenders.iter().filter(|e| !e.bind_verb.is_empty()).count();
    if binders > 1 {
        let found = format!("found {binders} extenders implementing bind");
        sink.invalid_text(path, &found, "only one extender can implement bind");
    }
}

fn validate_resource(name: &str, path: &Path, sink: &Sink) {
    let problems = label::key_problems(name);
    for problem in &problems {
        sink.invalid_text(path, name, problem);
    }
    if problems.is_empty() && !is_extended(name) {
        sink.invalid_text(path, name, "is an invalid extended resource name");
    }
}

/// Neither one of Kubernetes' own resources, nor one whose name a quota could not carry.
fn is_extended(name: &str) -> bool {
    let own = !name.contains('/') || name.contains("kubernetes.io/");
    !own && !name.starts_with("requests.") && label::key_problems(&format!("requests.{name}")).is_empty()
}
