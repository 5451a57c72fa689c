//! What the command line says about serving health and metrics.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use berth_config::Duration;
use berth_live::{Clients, GoodFor, Lookup, Proxies, Server, Serving, TlsLimits};
use clap::builder::BoolishValueParser;

use super::Remarks;
use crate::failure::Failure;

/// Cipher suites that kube-scheduler knows by name and that are not spoken here.
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

/// Flags of serving.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Serving health and metrics")]
pub(super) struct ServingArgs {
    /// Where to serve health and metrics
    #[arg(long, value_name = "IP", default_value = "0.0.0.0")]
    bind_address: IpAddr,
    /// The port for that; 0 serves nothing
    #[arg(long, value_name = "PORT", default_value_t = 10259)]
    secure_port: u16,
    /// Serve on a port that another process serves on too (SO_REUSEPORT)
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    permit_port_sharing: Option<bool>,
    /// The certificate to serve with, and those of its issuers; without it, one is made
    #[arg(long, value_name = "FILE", requires = "tls_private_key_file")]
    tls_cert_file: Option<PathBuf>,
    /// The certificate's key
    #[arg(long, value_name = "FILE", requires = "tls_cert_file")]
    tls_private_key_file: Option<PathBuf>,
    /// A folder with kube-scheduler.crt and kube-scheduler.key, if no certificate is named; nothing is written there
    #[arg(long, value_name = "FOLDER")]
    cert_dir: Option<PathBuf>,
    /// Nothing below this is spoken; nothing below 1.2 in any case [default: VersionTLS12]
    #[arg(long, value_name = "VERSION", value_parser = ["VersionTLS10", "VersionTLS11", "VersionTLS12", "VersionTLS13"])]
    tls_min_version: Option<String>,
    /// The cipher suites of TLS 1.2, by name; those of 1.3 cannot be chosen [default: all that are thought safe]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    tls_cipher_suites: Vec<String>,
    /// How keys are exchanged, by the numbers that TLS gives the groups [default: all that there are]
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',')]
    tls_curve_preferences: Vec<u16>,
    /// Refused: one certificate is served, whatever name is asked for
    #[arg(long, value_name = "PAIR", hide = true)]
    tls_sni_cert_key: Vec<String>,
    #[command(flatten)]
    authentication: AuthenticationArgs,
    #[command(flatten)]
    authorization: AuthorizationArgs,
}

/// Who asks.
#[derive(Debug, clap::Args)]
struct AuthenticationArgs {
    /// A cluster that knows who may ask for metrics; without it, the one that is scheduled
    #[arg(long, value_name = "FILE")]
    authentication_kubeconfig: Option<PathBuf>,
    /// Do not ask that cluster whose client certificates are good
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    authentication_skip_lookup: Option<bool>,
    /// Serve also where it does not say [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    authentication_tolerate_lookup_failure: Option<bool>,
    /// How long it is remembered whose a token is
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = Duration::parse)]
    authentication_token_webhook_cache_ttl: Duration,
    /// Certificates by these authorities name users; without it, the cluster's own
    #[arg(long, value_name = "FILE")]
    client_ca_file: Option<PathBuf>,
    /// Certificates by these authorities name proxies, who may speak for others; without it, the cluster's own
    #[arg(long, value_name = "FILE")]
    requestheader_client_ca_file: Option<PathBuf>,
    /// Which proxies may, by common name [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    requestheader_allowed_names: Vec<String>,
    /// In which header a proxy names the user
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_value = "x-remote-user")]
    requestheader_username_headers: Vec<String>,
    /// In which header a proxy names the user's groups
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_value = "x-remote-group")]
    requestheader_group_headers: Vec<String>,
    /// In which header a proxy names the user's uid
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    requestheader_uid_headers: Vec<String>,
    /// How headers begin in which a proxy says more of the user
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_value = "x-remote-extra-")]
    requestheader_extra_headers_prefix: Vec<String>,
}

/// What they may see.
#[derive(Debug, clap::Args)]
struct AuthorizationArgs {
    /// A cluster that knows what they may do; without it, the one that is scheduled
    #[arg(long, value_name = "FILE")]
    authorization_kubeconfig: Option<PathBuf>,
    /// Paths that everybody may see; with * at the end, all that begin so
    #[arg(long, value_name = "PATHS", value_delimiter = ',', default_value = "/healthz,/readyz,/livez")]
    authorization_always_allow_paths: Vec<String>,
    /// How long it is remembered that somebody may see something
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = Duration::parse)]
    authorization_webhook_cache_authorized_ttl: Duration,
    /// How long it is remembered that somebody may not
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = Duration::parse)]
    authorization_webhook_cache_unauthorized_ttl: Duration,
}

impl ServingArgs {
    /// How to serve; none, if nothing is served.
    ///
    /// # Errors
    /// What is asked for cannot be had.
    pub(super) fn serving(&self, remarks: &mut Remarks) -> Result<Option<Serving>, Failure> {
        if !self.tls_sni_cert_key.is_empty() {
            let problem = "--tls-sni-cert-key: one certificate is served, whatever name is asked for";
            return Err(
                Failure::input(problem).hint("name it with --tls-cert-file and --tls-private-key-file")
            );
        }
        let tls = self.tls(remarks)?;
        if self.secure_port == 0 {
            return Ok(None);
        }
        let server = |kubeconfig: &Option<PathBuf>| {
            kubeconfig.clone().map(|path| Server { kubeconfig: Some(path), master: None })
        };
        let authorization = &self.authorization;
        let time = |flag: &str, time: Duration| {
            time.to_std().ok_or_else(|| Failure::input(format!("--{flag}: {time} is below zero")))
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
            good_for: GoodFor {
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
            remarks
                .warnings
                .push("--tls-min-version: nothing below TLS 1.2 is spoken in any case".to_owned());
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
                "--tls-curve-preferences: none of these is spoken; there are 23, 24 and 29",
            ));
        }
        if !missing.is_empty() {
            remarks
                .warnings
                .push(format!("TLS is spoken without {}: there is none here", missing.join(", ")));
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

/// Paths may be written without their first slash.
fn absolute(path: &str) -> String {
    format!("/{}", path.trim_start_matches('/'))
}
