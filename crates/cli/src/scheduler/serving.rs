//! Flags about serving health and metrics.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use berth_config::Duration;
use berth_live::{CacheTtls, Clients, Lookup, Proxies, Server, Serving, TlsLimits};
use clap::builder::BoolishValueParser;

use super::Remarks;
use crate::failure::Failure;

/// Cipher suites that kube-scheduler knows and that are not available here.
const OLD_SUITES: [&str; 18] = [
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_RSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_FALLBACK_SCSV",
];

/// Flags about serving.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Serving health and metrics")]
pub(super) struct ServingArgs {
    /// IP address on which to serve health and metrics
    #[arg(long, value_name = "IP", default_value = "0.0.0.0")]
    bind_address: IpAddr,
    /// Port on which to serve HTTPS with authentication and authorization; 0: do not serve
    #[arg(long, value_name = "PORT", default_value_t = 10259)]
    secure_port: u16,
    /// Serve a page that shows the cluster, at /ui/ on this port, with the same authentication and authorization as
    /// /metrics
    #[arg(long)]
    pub(super) ui: bool,
    /// Use SO_REUSEPORT, so that more than one process can serve on the same address and port
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    permit_port_sharing: Option<bool>,
    /// File with the x509 certificate for HTTPS, followed by the certificates of its issuers, if any (without this
    /// flag, a self-signed certificate is generated and not saved)
    #[arg(long, value_name = "FILE", requires = "tls_private_key_file")]
    tls_cert_file: Option<PathBuf>,
    /// File with the private key of --tls-cert-file
    #[arg(long, value_name = "FILE", requires = "tls_cert_file")]
    tls_private_key_file: Option<PathBuf>,
    /// Directory with kube-scheduler.crt and kube-scheduler.key; ignored if --tls-cert-file is given (only read: no
    /// certificate is saved there)
    #[arg(long, value_name = "FOLDER")]
    cert_dir: Option<PathBuf>,
    /// Minimum TLS version (versions below VersionTLS12 are never used) [default: VersionTLS12]
    #[arg(long, value_name = "VERSION", value_parser = ["VersionTLS10", "VersionTLS11", "VersionTLS12", "VersionTLS13"])]
    tls_min_version: Option<String>,
    /// Cipher suites for the server; those of TLS 1.3 cannot be chosen (suites with CBC, RC4 or RSA key exchange are
    /// not available) [default: all that are available]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    tls_cipher_suites: Vec<String>,
    /// Key exchange mechanisms for the server, as numeric CurveIDs (23, 24 and 29 are available) [default: all]
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',')]
    tls_curve_preferences: Vec<u16>,
    /// Refused: only one certificate is served
    #[arg(long, value_name = "PAIR", hide = true)]
    tls_sni_cert_key: Vec<String>,
    #[command(flatten)]
    authentication: AuthenticationArgs,
    #[command(flatten)]
    authorization: AuthorizationArgs,
}

/// Flags about the identity of clients.
#[derive(Debug, clap::Args)]
struct AuthenticationArgs {
    /// kubeconfig file of the API server that reviews tokens (without this flag: the API server whose pods are
    /// scheduled)
    #[arg(long, value_name = "FILE")]
    authentication_kubeconfig: Option<PathBuf>,
    /// Do not look up missing authentication configuration in the cluster
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    authentication_skip_lookup: Option<bool>,
    /// Serve even if authentication configuration cannot be looked up in the cluster; client certificates are not
    /// accepted then [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    authentication_tolerate_lookup_failure: Option<bool>,
    /// Duration to cache the answers of token reviews
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = Duration::parse)]
    authentication_token_webhook_cache_ttl: Duration,
    /// File with the authorities for client certificates; a client is authenticated as the common name of its
    /// certificate [default: the authorities of the cluster]
    #[arg(long, value_name = "FILE")]
    client_ca_file: Option<PathBuf>,
    /// File with the authorities for the certificates of front proxies, whose request headers name the user [default:
    /// the authorities of the cluster]
    #[arg(long, value_name = "FILE")]
    requestheader_client_ca_file: Option<PathBuf>,
    /// Common names of the front proxies that are allowed [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    requestheader_allowed_names: Vec<String>,
    /// Request headers to inspect for user names
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_value = "x-remote-user")]
    requestheader_username_headers: Vec<String>,
    /// Request headers to inspect for groups
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_value = "x-remote-group")]
    requestheader_group_headers: Vec<String>,
    /// Request headers to inspect for UIDs
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    requestheader_uid_headers: Vec<String>,
    /// Prefixes of request headers to inspect for more about the user
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_value = "x-remote-extra-")]
    requestheader_extra_headers_prefix: Vec<String>,
}

/// Flags about what clients may read.
#[derive(Debug, clap::Args)]
struct AuthorizationArgs {
    /// kubeconfig file of the API server that reviews access (without this flag: the API server whose pods are
    /// scheduled)
    #[arg(long, value_name = "FILE")]
    authorization_kubeconfig: Option<PathBuf>,
    /// HTTP paths that are served without authorization; a * at the end matches all paths with this prefix
    #[arg(long, value_name = "PATHS", value_delimiter = ',', default_value = "/healthz,/readyz,/livez")]
    authorization_always_allow_paths: Vec<String>,
    /// Duration to cache 'authorized' answers of access reviews
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = Duration::parse)]
    authorization_webhook_cache_authorized_ttl: Duration,
    /// Duration to cache 'unauthorized' answers of access reviews
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = Duration::parse)]
    authorization_webhook_cache_unauthorized_ttl: Duration,
}

impl ServingArgs {
    /// The settings; `None` if nothing is served.
    ///
    /// # Errors
    /// If a flag asks for something that is not available.
    pub(super) fn serving(&self, remarks: &mut Remarks) -> Result<Option<Serving>, Failure> {
        if !self.tls_sni_cert_key.is_empty() {
            let problem = "--tls-sni-cert-key: only one certificate can be served";
            return Err(Failure::input(problem).hint("use --tls-cert-file and --tls-private-key-file"));
        }
        let tls = self.tls(remarks)?;
        if self.secure_port == 0 {
            if self.ui {
                let problem = "--ui: the page cannot be served, because --secure-port is 0";
                return Err(Failure::input(problem).hint("give another port"));
            }
            return Ok(None);
        }
        let server = |kubeconfig: &Option<PathBuf>| {
            kubeconfig.clone().map(|path| Server { kubeconfig: Some(path), ..Server::default() })
        };
        let authorization = &self.authorization;
        let time = |flag: &str, time: Duration| {
            time.to_std().ok_or_else(|| Failure::input(format!("--{flag}: {time} must not be negative")))
        };
        Ok(Some(Serving {
            address: SocketAddr::new(self.bind_address, self.secure_port),
            shares_port: self.permit_port_sharing.unwrap_or_default(),
            certificate: self.certificate(),
            tls,
            clients: self.authentication.clients(),
            authentication: server(&self.authentication.authentication_kubeconfig),
            authorization: server(&authorization.authorization_kubeconfig),
            open_paths: authorization.authorization_always_allow_paths.iter().map(|p| absolute(p)).collect(),
            cache_ttls: CacheTtls {
                token: time(
                    "authentication-token-webhook-cache-ttl",
                    self.authentication.authentication_token_webhook_cache_ttl,
                )?,
                allowed: time(
                    "authorization-webhook-cache-authorized-ttl",
                    authorization.authorization_webhook_cache_authorized_ttl,
                )?,
                denied: time(
                    "authorization-webhook-cache-unauthorized-ttl",
                    authorization.authorization_webhook_cache_unauthorized_ttl,
                )?,
            },
        }))
    }

    fn certificate(&self) -> Option<(PathBuf, PathBuf)> {
        let named = self.tls_cert_file.clone().zip(self.tls_private_key_file.clone());
        named.or_else(|| {
            let folder = self.cert_dir.as_ref()?;
            let pair = (folder.join("kube-scheduler.crt"), folder.join("kube-scheduler.key"));
            (pair.0.exists() && pair.1.exists()).then_some(pair)
        })
    }

    fn tls(&self, remarks: &mut Remarks) -> Result<TlsLimits, Failure> {
        let limits = TlsLimits {
            only_tls13: self.tls_min_version.as_deref() == Some("VersionTLS13"),
            cipher_suites: self.tls_cipher_suites.clone(),
            curves: self.tls_curve_preferences.clone(),
        };
        if matches!(self.tls_min_version.as_deref(), Some("VersionTLS10" | "VersionTLS11")) {
            remarks.warnings.push(
                "--tls-min-version: TLS 1.2 is used, because lower versions are not available".to_owned(),
            );
        }
        let missing = limits.missing();
        let is_old = |name: &String| OLD_SUITES.contains(&name.as_str());
        let unknown: Vec<_> = missing
            .iter()
            .filter(|name| limits.cipher_suites.contains(name) && !is_old(name))
            .map(|name| format!("--tls-cipher-suites: Cipher suite {name} not supported or doesn't exist"))
            .collect();
        if !unknown.is_empty() {
            return Err(Failure::inputs(unknown));
        }
        if !limits.curves.is_empty() && limits.curves.iter().all(|id| missing.contains(&id.to_string())) {
            return Err(Failure::input(
                "--tls-curve-preferences: none of these is available; the available ones are 23, 24 and 29",
            ));
        }
        if !missing.is_empty() {
            remarks
                .warnings
                .push(format!("these are not available for TLS and are ignored: {}", missing.join(", ")));
        }
        Ok(limits)
    }
}

impl AuthenticationArgs {
    fn clients(&self) -> Clients {
        Clients {
            ca_file: self.client_ca_file.clone(),
            proxies_ca_file: self.requestheader_client_ca_file.clone(),
            proxies: Proxies {
                allowed_names: self.requestheader_allowed_names.clone(),
                username_headers: self.requestheader_username_headers.clone(),
                group_headers: self.requestheader_group_headers.clone(),
                uid_headers: self.requestheader_uid_headers.clone(),
                extra_prefixes: self.requestheader_extra_headers_prefix.clone(),
            },
            lookup: match (self.authentication_skip_lookup, self.authentication_tolerate_lookup_failure) {
                (Some(true), _) => Lookup::Skip,
                (_, Some(false)) => Lookup::Require,
                _ => Lookup::Tolerate,
            },
        }
    }
}

/// A path that may lack its first slash.
fn absolute(path: &str) -> String {
    format!("/{}", path.trim_start_matches('/'))
}
