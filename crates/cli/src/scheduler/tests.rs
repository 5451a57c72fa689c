//! Command lines of kube-scheduler.

use clap::Parser;

use super::{Remarks, SchedulerArgs};

/// The flags of kube-scheduler 1.37 with their types, as its own help has them.
const UPSTREAM: &str = include_str!("upstream_flags.txt");

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    args: SchedulerArgs,
}

fn parse(flags: &[&str]) -> Result<SchedulerArgs, String> {
    let line = Line::try_parse_from(["berth"].iter().chain(flags)).map_err(|error| error.to_string())?;
    Ok(line.args)
}

/// What is noted and warned of; or what is refused.
fn told(flags: &[&str]) -> Result<(usize, usize), String> {
    let args = parse(flags)?;
    let mut remarks = Remarks::default();
    args.check(&mut remarks).map_err(|failure| failure.problems.join("; "))?;
    args.serving.serving(&mut remarks).map_err(|failure| failure.problems.join("; "))?;
    Ok((remarks.notes.len(), remarks.warnings.len()))
}

/// A value of a type of Go's flags.
fn sample(name: &str, kind: &str) -> Option<&'static str> {
    Some(match (name, kind) {
        ("leader-elect-resource-lock", _) => "leases",
        ("tls-min-version", _) => "VersionTLS12",
        ("tls-cipher-suites", _) => "TLS_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        ("logging-format", _) => "json",
        ("feature-gates", _) => "kube:SidecarContainers=true",
        ("emulated-version" | "min-compatibility-version", _) => "kube=1.37",
        (_, "bool" | "version[=true]") => return None,
        (_, "duration") => "1m30s",
        (_, "ip") => "127.0.0.1",
        (_, "int" | "int32" | "Level") => "5",
        (_, "float32") => "2.5",
        (_, "int32Slice") => "23,29",
        (_, "quantity") => "1Ki",
        (_, "stringToString") => "metric,label='a,b'",
        (_, "pattern=N,...") => "queue=4",
        (_, "namedCertKey") => "a.crt,a.key:*.example.com",
        (_, "string" | "strings") => "a",
        (_, other) => panic!("--{name} is of an unknown type, {other}"),
    })
}

#[test]
fn every_flag_of_kube_scheduler_is_accepted() {
    let mut count = 0;
    for line in UPSTREAM.lines() {
        let (name, kind) = line.split_once(' ').unwrap();
        let flag = format!("--{name}");
        let lines = match sample(name, kind) {
            Some(value) => vec![vec![format!("{flag}={value}")], vec![flag, value.to_owned()]],
            None => vec![vec![flag.clone()], vec![format!("{flag}=true")], vec![format!("{flag}=false")]],
        };
        for mut line in lines {
            // These two go together for upstream too.
            match name {
                "tls-cert-file" => line.push("--tls-private-key-file=a".to_owned()),
                "tls-private-key-file" => line.push("--tls-cert-file=a".to_owned()),
                _ => {}
            }
            let flags: Vec<&str> = line.iter().map(String::as_str).collect();
            assert_eq!(parse(&flags).err(), None, "{line:?}");
        }
        count += 1;
    }
    assert_eq!(count, 61);
}

#[test]
fn command_lines_of_kube_scheduler_work() {
    let kubeadm = "--authentication-kubeconfig=/etc/kubernetes/scheduler.conf \
        --authorization-kubeconfig=/etc/kubernetes/scheduler.conf --bind-address=127.0.0.1 \
        --kubeconfig=/etc/kubernetes/scheduler.conf --leader-elect=true";
    let hardened = format!(
        "{kubeadm} --profiling=false --tls-min-version=VersionTLS12 --feature-gates=AllAlpha=false \
        --tls-cipher-suites=TLS_AES_256_GCM_SHA384,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305 \
        --client-ca-file=/etc/kubernetes/pki/ca.crt --authorization-always-allow-paths=/healthz,/livez,/readyz,/metrics"
    );
    let tuned = format!(
        "{kubeadm} --kube-api-qps=500 --kube-api-burst 1000 --v=2 --vmodule=queue=4 --leader-elect=false"
    );
    for (line, expected) in [(kubeadm, (0, 0)), (&hardened, (2, 0)), (&tuned, (2, 1))] {
        let flags: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(told(&flags), Ok(expected), "{line}");
    }
}

#[test]
fn flags_that_cannot_be_supported_are_refused() {
    let cases = [
        ("--feature-gates=GenericWorkload=true", "GenericWorkload=true is not supported"),
        ("--write-config-to=a", "not supported"),
        ("--emulated-version=1.35", "1.35 is not supported; only 1.37 is"),
        ("--tls-sni-cert-key=a.crt,a.key", "only one certificate"),
        ("--tls-cipher-suites=TLS_MADE_UP", "not supported or doesn't exist"),
        ("--tls-curve-preferences=25", "none of these is available"),
        ("--authorization-webhook-cache-authorized-ttl=-1s", "must not be negative"),
    ];
    for (flag, why) in cases {
        let refused = told(&[flag]).unwrap_err();
        assert!(refused.contains(why), "{flag}: {refused}");
    }
    assert_eq!(
        told(&["--tls-cipher-suites=TLS_RSA_WITH_AES_128_CBC_SHA", "--tls-min-version=VersionTLS10"]),
        Ok((0, 2))
    );
}

#[test]
fn the_last_of_two_values_counts() {
    let args = parse(&["--v=2", "-v=4", "--kubeconfig=a", "--kubeconfig=b"]).unwrap();
    assert_eq!(args.verbosity, 4);
    assert_eq!(args.kubeconfig.as_deref(), Some("b".as_ref()));
}
