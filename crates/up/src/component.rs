//! The arguments of upstream's components. Paths are relative to the folder in which they run.

use std::net::TcpListener;

use anyhow::{Context, Result};

/// The range of the addresses of Services.
const SERVICES: &str = "10.96.0.0/16";
/// The host names and addresses of the API server, the first address of [`SERVICES`] among them.
pub(crate) const SERVER_HOSTS: [&str; 6] =
    ["127.0.0.1", "localhost", "10.96.0.1", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];

/// The ports that a control plane listens on, all on loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Ports {
    /// etcd's, for clients.
    pub etcd: u16,
    /// etcd's, for other members.
    pub peer: u16,
    /// kube-apiserver's.
    pub server: u16,
    /// The scheduler's, for health and metrics.
    pub scheduler: u16,
}

impl Ports {
    /// The ports of the last start. A port that is taken is replaced by a free one.
    ///
    /// # Errors
    /// If no port is free.
    pub fn choose(last: Option<Self>) -> Result<Self> {
        let choose = |last: Option<u16>| last.filter(|port| is_free(*port)).map_or_else(free_port, Ok);
        Ok(Self {
            etcd: choose(last.map(|ports| ports.etcd))?,
            peer: choose(last.map(|ports| ports.peer))?,
            server: choose(last.map(|ports| ports.server))?,
            scheduler: choose(last.map(|ports| ports.scheduler))?,
        })
    }
}

/// Whether nothing listens on the port of the loopback address.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

/// A port on which nothing listens now.
///
/// # Errors
/// If there is none.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no port of 127.0.0.1 is free")?;
    Ok(listener.local_addr()?.port())
}

/// etcd serves only clients whose certificate its own authority issued: all secrets of the cluster are in it. It does
/// not wait for the disk (`--unsafe-no-fsync`): a killed process loses nothing, a machine without power may.
pub(crate) fn etcd(ports: Ports) -> Vec<String> {
    let client = format!("https://127.0.0.1:{}", ports.etcd);
    let peer = format!("https://127.0.0.1:{}", ports.peer);
    vec![
        "--name=default".into(),
        "--data-dir=etcd".into(),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=default={peer}"),
        "--client-cert-auth".into(),
        "--trusted-ca-file=pki/etcd-ca.crt".into(),
        "--cert-file=pki/etcd.crt".into(),
        "--key-file=pki/etcd.key".into(),
        "--peer-client-cert-auth".into(),
        "--peer-trusted-ca-file=pki/etcd-ca.crt".into(),
        "--peer-cert-file=pki/etcd.crt".into(),
        "--peer-key-file=pki/etcd.key".into(),
        "--unsafe-no-fsync".into(),
        "--quota-backend-bytes=8589934592".into(),
        "--log-level=warn".into(),
    ]
}

pub(crate) fn server(ports: Ports) -> Vec<String> {
    let mut args = vec![
        format!("--etcd-servers=https://127.0.0.1:{}", ports.etcd),
        format!("--secure-port={}", ports.server),
        format!("--service-cluster-ip-range={SERVICES}"),
    ];
    let fixed = [
        "--etcd-cafile=pki/etcd-ca.crt",
        "--etcd-certfile=pki/etcd.crt",
        "--etcd-keyfile=pki/etcd.key",
        "--bind-address=127.0.0.1",
        "--tls-cert-file=pki/kube-apiserver.crt",
        "--tls-private-key-file=pki/kube-apiserver.key",
        "--client-ca-file=pki/ca.crt",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--service-account-key-file=pki/service-account.pub",
        "--service-account-signing-key-file=pki/service-account.key",
        "--requestheader-client-ca-file=pki/front-proxy-ca.crt",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--proxy-client-cert-file=pki/front-proxy-ca-front-proxy-client.crt",
        "--proxy-client-key-file=pki/front-proxy-ca-front-proxy-client.key",
        "--authorization-mode=RBAC",
        "--allow-privileged=true",
        "--max-requests-inflight=4000",
        "--max-mutating-requests-inflight=4000",
    ];
    args.extend(fixed.map(str::to_owned));
    args
}

/// As kubeadm starts it, but without a leader election, and with more requests a second. Each controller uses its own
/// service account, so that RBAC holds for it.
pub(crate) fn controllers(kubeconfig: &str) -> Vec<String> {
    let mut args: Vec<String> = ["kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"]
        .iter()
        .map(|flag| format!("--{flag}={kubeconfig}"))
        .collect();
    let fixed = [
        "--leader-elect=false",
        "--secure-port=0",
        "--use-service-account-credentials=true",
        "--service-account-private-key-file=pki/service-account.key",
        "--root-ca-file=pki/ca.crt",
        "--cluster-signing-cert-file=pki/ca.crt",
        "--cluster-signing-key-file=pki/ca.key",
        "--enable-hostpath-provisioner=true",
        "--kube-api-qps=1000",
        "--kube-api-burst=2000",
    ];
    args.extend(fixed.map(str::to_owned));
    args
}
