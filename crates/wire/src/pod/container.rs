//! Containers: what they ask for, and the host ports they take.
//!
//! Upstream: core `v1/defaults.go` (`SetDefaults_Pod`), `validation.go` (`validateContainerPorts`,
//! `validateResourceRequirements`).

use berth_model::Str;
use berth_model::execution::{ContainerExecution, Program};
use berth_model::node::ResourceList;
use berth_model::pod::{Container, HostPort, Protocol};
use berth_model::pod_level::is_huge_pages;
use berth_model::quantity::Quantity;

use crate::context::{Context, Step, quoted};
use crate::decode::{IntoModel, List, UninternedStr, wire_object};
use crate::pod::resources::{ResourcesWire, is_extended, is_native};
use crate::selector::one_of;
use crate::syntax::{check_dns_label, is_label_key};

wire_object! {
    /// `v1.ContainerPort`.
    pub(crate) struct PortWire {
        name: Str = "name",
        host_port: i64 = "hostPort",
        container_port: i64 = "containerPort",
        protocol: Str = "protocol",
        host_ip: Str = "hostIP",
    }
    skipped {}
}

/// A port as written; whether it is taken of the host depends on the pod.
#[derive(Clone, Debug)]
pub(crate) struct Port {
    pub(crate) host_port: i32,
    pub(crate) container_port: i32,
    pub(crate) protocol: Protocol,
    pub(crate) ip: Str,
}

impl IntoModel for PortWire {
    type Out = Port;

    fn into_model(self, cx: &mut Context) -> Port {
        let port = |cx: &mut Context, field, value: i64, zero: bool| match i32::try_from(value) {
            Ok(port @ 1..=65535) => port,
            Ok(0) if zero => 0,
            _ => {
                cx.problem_at(field, format!("found {value}, expected a port from 1 to 65535"));
                0
            }
        };
        let all = &[("TCP", Protocol::Tcp), ("UDP", Protocol::Udp), ("SCTP", Protocol::Sctp)];
        let ip = if self.host_ip.is_empty() { cx.intern("0.0.0.0") } else { self.host_ip };
        Port {
            host_port: port(cx, "hostPort", self.host_port, true),
            container_port: port(cx, "containerPort", self.container_port, false),
            protocol: match &*self.protocol {
                "" => Protocol::Tcp,
                name => one_of(cx, "protocol", name, all),
            },
            ip,
        }
    }
}

wire_object! {
    /// `v1.ContainerRestartRule`.
    pub(crate) struct RestartRuleWire {
        action: Str = "action",
    }
    skipped { "exitCodes" }
}

wire_object! {
    /// `v1.VolumeMount`.
    pub(crate) struct MountWire {
        name: UninternedStr = "name",
        options: Vec<Str> = "bindMountOptions",
    }
    skipped { "readOnly" "recursiveReadOnly" "mountPath" "subPath" "mountPropagation" "subPathExpr" }
}

wire_object! {
    /// `v1.Probe`.
    pub(crate) struct ProbeWire {
        initial_delay: i32 = "initialDelaySeconds",
    }
    skipped {
        "exec" "httpGet" "tcpSocket" "grpc" "timeoutSeconds" "periodSeconds" "successThreshold" "failureThreshold"
        "terminationGracePeriodSeconds"
    }
}

wire_object! {
    /// `v1.Container`.
    pub(crate) struct ContainerWire {
        name: Str = "name",
        image: Str = "image",
        ports: List<PortWire> = "ports",
        resources: ResourcesWire = "resources",
        restart_policy: Str = "restartPolicy",
        restart_rules: Vec<RestartRuleWire> = "restartPolicyRules",
        mounts: Vec<MountWire> = "volumeMounts",
        command: Vec<UninternedStr> = "command",
        args: Vec<UninternedStr> = "args",
        readiness: ProbeWire = "readinessProbe",
    }
    skipped {
        "workingDir" "envFrom" "env" "resizePolicy" "volumeDevices"
        "livenessProbe" "startupProbe" "lifecycle" "terminationMessagePath" "terminationMessagePolicy"
        "imagePullPolicy" "securityContext" "stdin" "stdinOnce" "tty"
    }
}

/// A container with its ports.
#[derive(Clone, Debug)]
pub(crate) struct ContainerParts {
    pub(crate) container: Container,
    pub(crate) ports: Vec<Port>,
    /// The volumes that it mounts.
    pub(crate) mounted: Vec<Str>,
    pub(crate) execution: ContainerExecution,
}

impl IntoModel for ContainerWire {
    type Out = ContainerParts;

    fn into_model(self, cx: &mut Context) -> ContainerParts {
        check_dns_label(cx, "name", &self.name);
        let ResourcesWire { mut requests, limits } = self.resources;
        let limits = limits.unwrap_or_default();
        cx.within(Step::Field("resources"), |cx| {
            check_resources(cx, "limits", &limits);
            check_resources(cx, "requests", requests.as_deref().unwrap_or_default());
            check_against_limits(cx, requests.as_deref().unwrap_or_default(), &limits);
        });
        let requests = {
            let list = requests.get_or_insert_default();
            fill_from(list, &limits);
            requests.unwrap_or_default()
        };
        if self.image.is_empty() {
            cx.refusal_at("image", "missing");
        }
        let words = self.command.iter().chain(&self.args).map(|word| &*word.0);
        let execution = ContainerExecution {
            // An image has a program of its own, which takes the arguments.
            program: if self.command.is_empty() { Program::Unknown } else { Program::of_command(words) },
            ready_delay_seconds: u32::try_from(self.readiness.initial_delay).unwrap_or(0),
            sidecar: &*self.restart_policy == "Always",
        };
        let container = Container {
            name: self.name,
            image: self.image,
            requests,
            limits,
            allocated: None,
            actuated: None,
            sidecar: &*self.restart_policy == "Always",
            restarts_all: self.restart_rules.iter().any(|rule| &*rule.action == "RestartAllContainers"),
            bind_mount_options: self.mounts.iter().any(|mount| !mount.options.is_empty()),
            host_ports: Vec::new(),
        };
        let mounted = self.mounts.into_iter().map(|mount| mount.name.0).collect();
        ContainerParts { container, ports: self.ports.0, mounted, execution }
    }
}

/// A limit without a request is the request.
fn fill_from(requests: &mut ResourceList, limits: &ResourceList) {
    for (name, amount) in limits {
        if let Err(at) = requests.binary_search_by(|(known, _)| known.cmp(name)) {
            requests.insert(at, (name.clone(), *amount));
        }
    }
}

/// Containers ask for CPU, memory, ephemeral storage, huge pages and extended resources; the last in whole numbers.
fn check_resources(cx: &mut Context, field: &'static str, list: &[(Str, Quantity)]) {
    for (name, amount) in list {
        let standard = matches!(&**name, "cpu" | "memory" | "ephemeral-storage") || is_huge_pages(name);
        let message = if standard {
            continue;
        } else if !name.contains('/') {
            format!(
                "unknown resource {}; expected cpu, memory, ephemeral-storage, hugepages-<size>, or a name with a domain such \
                 as example.com/gpu",
                quoted(name)
            )
        } else if !is_label_key(name) || (!is_native(name) && name.starts_with("requests.")) {
            format!("{} is no name of a resource; expected one such as example.com/gpu", quoted(name))
        } else if is_extended(name) && !amount.is_whole() {
            format!("found {amount}, but {name} comes in whole numbers")
        } else {
            continue;
        };
        cx.within(Step::Field(field), |cx| cx.within(Step::Key(name.clone()), |cx| cx.problem(message)));
    }
}

fn check_against_limits(cx: &mut Context, requests: &[(Str, Quantity)], limits: &[(Str, Quantity)]) {
    for (name, amount) in requests {
        let limit = limits.iter().find(|(known, _)| known == name).map(|(_, limit)| *limit);
        let overcommit = is_native(name) && !is_huge_pages(name);
        let message = match limit {
            Some(limit) if *amount > limit => {
                format!("found {amount}, which is more than the limit of {limit}")
            }
            Some(limit) if *amount != limit && !overcommit => {
                format!(
                    "found {amount}, but {name} cannot be overcommitted: it must equal the limit of {limit}"
                )
            }
            None if !overcommit => {
                format!("{name} cannot be overcommitted: it needs a limit equal to the request")
            }
            _ => continue,
        };
        cx.within(Step::Field("requests"), |cx| {
            cx.within(Step::Key(name.clone()), |cx| cx.problem(message));
        });
    }
}

/// Turns ports into host ports. A pod on the host's network takes each port it names of the host.
pub(crate) fn take_host_ports(cx: &mut Context, parts: ContainerParts, host_network: bool) -> Container {
    let ContainerParts { mut container, ports, .. } = parts;
    for (at, port) in ports.into_iter().enumerate() {
        let number = match port.host_port {
            0 if host_network => port.container_port,
            number => number,
        };
        if host_network && number != port.container_port {
            cx.within(Step::Field("ports"), |cx| {
                cx.within(Step::Index(at), |cx| {
                    let expected = port.container_port;
                    cx.problem_at(
                        "hostPort",
                        format!(
                            "found {number}, but with hostNetwork it must equal containerPort {expected}"
                        ),
                    );
                });
            });
        }
        if number > 0 {
            container.host_ports.push(HostPort { ip: port.ip, protocol: port.protocol, port: number });
        }
    }
    container
}
