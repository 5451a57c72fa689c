//! Calls extenders, over HTTP(S) with JSON.
//!
//! Upstream: `pkg/scheduler/extender.go`. An extender's answer about preemption may only name victims of the call.

pub(crate) mod protocol;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use berth_flow::{Answer, Call, Failure, FailureKind, NodeVictims, PodRef};
use berth_watch::Metadata;
use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client as Http;
use hyper_util::rt::TokioExecutor;
use kube::Config;
use kube::client::ConfigExt;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::value::RawValue;

use crate::client::Api;
use crate::resource::segment;
use protocol::{Bound, Filtered, Host, Preempted};

/// The largest answer that is read.
const MAX_ANSWER_BYTES: usize = 256 << 20;

type Connector = hyper_rustls::HttpsConnector<hyper_util::client::legacy::connect::HttpConnector>;

/// All extenders, in the order of the configuration.
#[derive(Debug, Default)]
pub(crate) struct Extenders(Vec<Extender>);

/// An extender.
#[derive(Debug)]
struct Extender {
    config: berth_config::Extender,
    http: Http<Connector, Full<Bytes>>,
}

/// Why an extender cannot be called.
#[derive(Debug, thiserror::Error)]
#[error("extender {url}: {why}")]
pub struct ExtenderError {
    url: String,
    why: String,
}

/// A call of an extender, with the nodes that only the event loop has.
#[derive(Debug)]
pub(crate) struct ExtenderCall {
    /// An index of the extenders.
    pub(crate) extender: usize,
    pub(crate) call: Call,
    /// The nodes that the call names, as JSON, if the extender needs whole nodes.
    pub(crate) nodes: Vec<Arc<RawValue>>,
}

impl Extenders {
    /// Creates the clients. Nothing is sent yet.
    ///
    /// # Errors
    /// If a URL or a certificate cannot be used.
    pub(crate) fn new(configs: &[berth_config::Extender]) -> Result<Self, ExtenderError> {
        let extender = |config: &berth_config::Extender| {
            let wrong = |why| ExtenderError { url: config.url_prefix.clone(), why };
            let connector = connector(config).map_err(wrong)?;
            let http = Http::builder(TokioExecutor::new()).build(connector);
            Ok(Extender { config: config.clone(), http })
        };
        configs.iter().map(extender).collect::<Result<_, _>>().map(Self)
    }

    /// Calls one of them.
    pub(crate) async fn ask(&self, api: &Api, call: ExtenderCall) -> Result<Answer, Failure> {
        match self.0.get(call.extender) {
            Some(extender) => extender.ask(api, call).await,
            None => Err(refused("there is no such extender".to_owned())),
        }
    }
}

impl Extender {
    async fn ask(&self, api: &Api, call: ExtenderCall) -> Result<Answer, Failure> {
        let (config, nodes) = (&self.config, &call.nodes);
        match &call.call {
            Call::Filter { pod, nodes: names } => {
                let body =
                    protocol::args(&pod_json(api, pod).await?, names, nodes, config.node_cache_capable);
                let answer = self.send(&config.filter_verb, body).await?;
                let filtered: Filtered<'_> = self.read(&answer)?;
                filtered.answer(names, config.node_cache_capable, &config.url_prefix).map_err(refused)
            }
            Call::Prioritize { pod, nodes: names } => {
                let body =
                    protocol::args(&pod_json(api, pod).await?, names, nodes, config.node_cache_capable);
                let answer = self.send(&config.prioritize_verb, body).await?;
                let hosts: Option<Vec<Host>> = self.read(&answer)?;
                let scores = hosts.unwrap_or_default().into_iter().map(|host| (host.host.into(), host.score));
                Ok(Answer::Scores(scores.collect()))
            }
            Call::Preempt { pod, candidates } => {
                let body = self.preemption(api, pod, candidates).await?;
                let answer = self.send(&config.preempt_verb, body).await?;
                let preempted: Preempted = self.read(&answer)?;
                preempted.answer(candidates, &config.url_prefix).map(Answer::Victims).map_err(refused)
            }
            Call::Bind { pod, node } => {
                let answer = self.send(&config.bind_verb, protocol::binding(pod, node)).await?;
                let bound: Bound = self.read(&answer)?;
                if bound.error.is_empty() { Ok(Answer::Done) } else { Err(refused(bound.error)) }
            }
        }
    }

    async fn preemption(
        &self,
        api: &Api,
        pod: &PodRef,
        candidates: &[NodeVictims],
    ) -> Result<Vec<u8>, Failure> {
        let preemptor = pod_json(api, pod).await?;
        if self.config.node_cache_capable {
            return Ok(protocol::meta_victims(&preemptor, candidates));
        }
        let mut pods = Vec::new();
        for victim in candidates.iter().flat_map(|candidate| &candidate.victims) {
            pods.push(pod_json(api, victim).await?);
        }
        Ok(protocol::victims(&preemptor, candidates, &pods))
    }

    fn url(&self, verb: &str) -> String {
        format!("{}/{verb}", self.config.url_prefix.trim_end_matches('/'))
    }

    async fn send(&self, verb: &str, body: Vec<u8>) -> Result<Bytes, Failure> {
        let url = self.url(verb);
        let request = Request::post(&url).header(header::CONTENT_TYPE, crate::client::JSON);
        let request = request.body(Full::from(body)).map_err(|e| refused(format!("{url}: {e}")))?;
        let asked = async {
            let lost = |e: &dyn std::error::Error| unknown(format!("{url}: {}", crate::client::chain(e)));
            let response = self.http.request(request).await.map_err(|e| lost(&e))?;
            let status = response.status();
            if status.as_u16() != 200 {
                let message = format!("failed {verb} with extender at URL {url}, code {}", status.as_u16());
                return Err(refused(message));
            }
            let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await;
            body.map(http_body_util::Collected::to_bytes).map_err(|e| lost(&*e))
        };
        match self.config.http_timeout.to_std() {
            Some(limit) => {
                tokio::time::timeout(limit, asked).await.unwrap_or_else(|_| Err(late(&url, limit)))
            }
            None => asked.await,
        }
    }

    fn read<'a, T: serde::Deserialize<'a>>(&self, answer: &'a Bytes) -> Result<T, Failure> {
        serde_json::from_slice(answer).map_err(|e| refused(format!("{}: {e}", self.config.url_prefix)))
    }
}

/// The pod as the API server has it now, as JSON.
async fn pod_json(api: &Api, pod: &PodRef) -> Result<Box<RawValue>, Failure> {
    let path = format!("/api/v1/namespaces/{}/pods/{}", segment(&pod.namespace), segment(&pod.name));
    let answer = api.get(&path).await;
    let body = answer.as_ref().map(|answer| answer.body.clone()).unwrap_or_default();
    crate::act::judge(answer)?;
    let json: Box<RawValue> = serde_json::from_slice(&body).map_err(|e| unknown(e.to_string()))?;
    if Metadata::of(json.get().as_bytes()).uid != *pod.uid {
        return Err(Failure {
            kind: FailureKind::Gone,
            message: format!("pod {pod} was replaced by another pod of the same name"),
        });
    }
    Ok(json)
}

fn refused(message: String) -> Failure {
    Failure { kind: FailureKind::Refused, message }
}

fn unknown(message: String) -> Failure {
    Failure { kind: FailureKind::Unknown, message }
}

fn late(url: &str, limit: Duration) -> Failure {
    unknown(format!("{url}: no answer within {} ms", limit.as_millis()))
}

/// The TLS settings of the configuration. As in upstream, `enableHTTPS` without authorities accepts any certificate.
fn connector(config: &berth_config::Extender) -> Result<Connector, String> {
    let url = config.url_prefix.parse().map_err(|e| format!("{e}"))?;
    let mut client = Config::new(url);
    let tls = config.tls.clone().unwrap_or_default();
    let authorities = pem(tls.ca_data, &tls.ca_file)?;
    client.accept_invalid_certs = tls.insecure || (config.enable_https && authorities.is_empty());
    client.tls_server_name = Some(tls.server_name).filter(|name| !name.is_empty());
    if !authorities.is_empty() {
        let certificates =
            CertificateDer::pem_slice_iter(&authorities).map(|der| der.map(|der| der.to_vec()));
        client.root_cert =
            Some(certificates.collect::<Result<_, _>>().map_err(|e| format!("authorities: {e}"))?);
    }
    let text = |bytes: Vec<u8>| base64::engine::general_purpose::STANDARD.encode(bytes);
    let (certificate, key) = (pem(tls.cert_data, &tls.cert_file)?, pem(tls.key_data, &tls.key_file)?);
    if !certificate.is_empty() {
        client.auth_info.client_certificate_data = Some(text(certificate));
        client.auth_info.client_key_data = Some(text(key).into());
    }
    client.rustls_https_connector_with_connector(crate::client::tcp()).map_err(|e| e.to_string())
}

/// The data, or else the content of the file.
fn pem(data: Vec<u8>, file: &str) -> Result<Vec<u8>, String> {
    if !data.is_empty() || file.is_empty() {
        return Ok(data);
    }
    std::fs::read(file).map_err(|e| format!("{file}: {e}"))
}
