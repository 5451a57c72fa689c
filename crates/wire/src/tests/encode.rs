//! What is written decodes to the same.

mod devices;
mod objects;

use proptest::prelude::*;

use super::corpus::scenarios;
use berth_model::object::Object;

use crate::{Decoder, encode, encode_whole};

fn decoded(json: &str) -> Object {
    match Decoder::new().object(json) {
        Ok(Some(object)) => object,
        Ok(None) => panic!("of no concern: {json}"),
        Err(problems) => panic!("{problems}\nin:\n{json}"),
    }
}

/// What must survive of an object: of controllers the key and the group of pods, of others everything.
fn assert_same(before: &Object, after: &Object, text: &str) {
    match (before, after) {
        (Object::Workload(before), Object::Workload(after)) => {
            assert_eq!((before.kind, before.owner()), (after.kind, after.owner()), "{text}");
        }
        _ => assert_eq!(before, after, "{text}"),
    }
    assert_eq!(before.key(), after.key());
}

fn check(json: &str) -> String {
    let object = decoded(json);
    let text = encode(&object);
    let again = decoded(&text);
    assert_same(&object, &again, &text);
    assert_eq!(encode(&again), text, "equal objects give equal texts");
    text
}

#[test]
fn every_object_of_the_corpus_survives() {
    let (mut decoder, mut count) = (Decoder::new(), 0);
    for scenario in scenarios() {
        for json in scenario.objects.iter().chain(&scenario.pending) {
            let Some(object) = decoder.object(json.get()).unwrap() else { continue };
            let text = encode(&object);
            match decoder.object(&text) {
                Ok(Some(again)) => assert_same(&object, &again, &text),
                Ok(None) => panic!("{}: of no concern: {text}", scenario.name),
                Err(problems) => panic!("{}: {problems}\n{text}", scenario.name),
            }
            count += 1;
        }
    }
    assert!(count > 20_000, "only {count} objects");
}

#[test]
fn an_object_with_every_field_survives() {
    for json in objects::FULL.iter().chain(devices::FULL) {
        check(json);
    }
}

#[test]
fn a_whole_controller_survives() {
    let term = r#"{"labelSelector":{"matchLabels":{"a":"b"}},"topologyKey":"z","matchLabelKeys":["k"],"mismatchLabelKeys":["l"]}"#;
    let affinity = format!(
        r#"{{"podAffinity":{{"preferredDuringSchedulingIgnoredDuringExecution":[{{"weight":3,"podAffinityTerm":{term}}}]}},
            "podAntiAffinity":{{"requiredDuringSchedulingIgnoredDuringExecution":[{term}]}}}}"#
    );
    let claim = r#"{"metadata":{"name":"data"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}}"#;
    let volume = format!(r#"{{"name":"e","ephemeral":{{"volumeClaimTemplate":{claim}}}}}"#);
    let template = format!(
        r#"{{"metadata":{{"labels":{{"a":"b"}}}},"spec":{{"nodeName":"n","priorityClassName":"p","affinity":{affinity},
            "volumes":[{volume}],"containers":[{{"name":"c","resources":{{"requests":{{"cpu":"1"}}}}}}]}}}}"#
    );
    let owner = r#"{"apiVersion":"apps/v1","kind":"Deployment","name":"d","uid":"ud","controller":true}"#;
    let metadata = format!(
        r#"{{"name":"r","namespace":"shop","uid":"u","labels":{{"x":"y"}},"creationTimestamp":"2026-01-02T03:04:05Z",
            "annotations":{{"deployment.kubernetes.io/revision":"7"}},"ownerReferences":[{owner}]}}"#
    );
    let selector = r#"{"matchLabels":{"a":"b"}}"#;
    let cases = [
        ("v1", "ReplicationController", r#""replicas":0,"selector":{"a":"b"}"#.to_owned()),
        ("apps/v1", "ReplicaSet", format!(r#""replicas":3,"selector":{selector}"#)),
        ("apps/v1", "DaemonSet", format!(r#""selector":{selector}"#)),
        (
            "apps/v1",
            "StatefulSet",
            format!(r#""ordinals":{{"start":5}},"selector":{selector},"volumeClaimTemplates":[{claim}]"#),
        ),
        (
            "apps/v1",
            "Deployment",
            format!(
                r#""paused":true,"minReadySeconds":9,"strategy":{{"type":"Recreate"}},"selector":{selector}"#
            ),
        ),
        (
            "apps/v1",
            "Deployment",
            format!(r#""strategy":{{"rollingUpdate":{{"maxSurge":"10%"}}}},"selector":{selector}"#),
        ),
        (
            "apps/v1",
            "Deployment",
            format!(r#""strategy":{{"rollingUpdate":{{"maxSurge":2}}}},"selector":{selector}"#),
        ),
    ];
    for (api_version, kind, spec) in cases {
        let json = format!(
            r#"{{"apiVersion":"{api_version}","kind":"{kind}","metadata":{metadata},"spec":{{{spec},"template":{template}}}}}"#
        );
        let object = decoded(&json);
        let text = encode_whole(&object);
        assert_eq!(decoded(&text), object, "{text}");
    }
}

#[test]
fn a_whole_job_survives() {
    let template = r#""template":{"spec":{"restartPolicy":"Never","containers":[{"name":"c"}]}}"#;
    let cases = [
        (
            "Job",
            format!(
                r#""spec":{{"parallelism":3,"completions":9,"completionMode":"Indexed",{template}}},
            "status":{{"succeeded":2,"completedIndexes":"0-1","failedIndexes":"4"}}"#
            ),
        ),
        (
            "Job",
            format!(
                r#""spec":{{"suspend":true,"podReplacementPolicy":"Failed",{template}}},
            "status":{{"conditions":[{{"type":"Failed","status":"True"}}]}}"#
            ),
        ),
        (
            "CronJob",
            format!(
                r#""spec":{{"schedule":"@daily","concurrencyPolicy":"Forbid","jobTemplate":{{"spec":{{"parallelism":2,
            "backoffLimit":0,"activeDeadlineSeconds":9,"ttlSecondsAfterFinished":7,{template}}}}}}}"#
            ),
        ),
    ];
    for (kind, rest) in cases {
        let json = format!(
            r#"{{"apiVersion":"batch/v1","kind":"{kind}","metadata":{{"name":"j","uid":"u"}},{rest}}}"#
        );
        let object = decoded(&json);
        let text = encode_whole(&object);
        assert_eq!(decoded(&text), object, "{text}");
    }
}

#[test]
fn what_only_differs_in_being_absent_stays_apart() {
    for json in objects::EDGES {
        check(json);
    }
}

#[test]
fn what_a_pod_does_on_its_node_survives_but_not_its_command() {
    let pod = |command: &str| {
        format!(
            r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"a","annotations":{{"berth.dev/run-duration":"300s..1h",
            "berth.dev/exit-code":"3","berth.dev/start-delay":"1500ms","berth.dev/ready-delay":"2s"}}}},"spec":{{
            "restartPolicy":"OnFailure","terminationGracePeriodSeconds":5,"activeDeadlineSeconds":60,"tolerations":[{{
            "key":"k","operator":"Exists","effect":"NoExecute","tolerationSeconds":30}}],"initContainers":[{{"name":"i",
            "command":["true"]}}],"containers":[{{"name":"c","command":{command},"readinessProbe":{{
            "initialDelaySeconds":7}}}}]}}}}"#
        )
    };
    let cases = [
        (r#"["/bin/sleep","30"]"#, r#""command":["sleep","30.000"]"#),
        (r#"["sleep","infinity"]"#, r#""command":["sleep","infinity"]"#),
        (r#"["sh","-c","sleep 1; exit 2"]"#, r#""command":["sh","-c","sleep 1.000; exit 2"]"#),
        (r#"["serve","--token=SECRET"]"#, r#""containers":[{"readinessProbe""#),
    ];
    for (command, expected) in cases {
        let text = check(&pod(command));
        assert!(text.contains(expected) && !text.contains("SECRET"), "{text}");
        assert!(text.contains(r#""berth.dev/run-duration":"300s..3600s""#), "{text}");
    }
}

#[test]
fn a_plain_pod_is_written_in_few_words() {
    let json = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","labels":{"app":"web"}},"spec":{"containers":
        [{"name":"c","resources":{"requests":{"cpu":"1500m","memory":"1Gi"}}}]},"status":{"phase":"Pending"}}"#;
    let expected = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","namespace":"default","labels":{"app":"web"}},"spec":{"containers":[{"name":"c","resources":{"requests":{"cpu":"1.5","memory":"1073741824"}}}],"schedulerName":"default-scheduler"}}"#;
    assert_eq!(check(json), expected);
}

#[test]
fn what_concerns_no_scheduler_is_never_written() {
    let json = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","annotations":{"note":"SECRET"},
        "finalizers":["SECRET"],"managedFields":[{"manager":"SECRET","fieldsV1":{"f:SECRET":{}}}],"ownerReferences":
        [{"apiVersion":"v1","kind":"SECRET","name":"SECRET","uid":"SECRET"}]},"spec":{"hostname":"SECRET",
        "imagePullSecrets":[{"name":"SECRET"}],"serviceAccountName":"SECRET","containers":[{"name":"c",
        "command":["SECRET"],"args":["SECRET"],"workingDir":"SECRET","env":[{"name":"SECRET","value":"SECRET"}],
        "envFrom":[{"secretRef":{"name":"SECRET"}}],"livenessProbe":{"exec":{"command":["SECRET"]}},
        "volumeMounts":[{"name":"v","mountPath":"SECRET","bindMountOptions":["SECRET"]}]}],"volumes":[
        {"name":"v","secret":{"secretName":"SECRET"}},{"name":"w","configMap":{"name":"SECRET"}},{"name":"x","csi":
        {"driver":"d","volumeAttributes":{"k":"SECRET"},"nodePublishSecretRef":{"name":"SECRET"}}}]},
        "status":{"message":"SECRET","podIP":"SECRET","containerStatuses":[{"name":"c","state":{"terminated":
        {"message":"SECRET"}},"resources":{"requests":{"cpu":"1"}}}]}}"#;
    let text = check(json);
    assert!(!text.contains("SECRET"), "{text}");
    let node = r#"{"apiVersion":"v1","kind":"Node","metadata":{"name":"n","annotations":
        {"kubectl.kubernetes.io/last-applied-configuration":"SECRET","berth.dev/disk-utilization":"0.5"}},
        "spec":{"providerID":"SECRET"},"status":{"addresses":[{"type":"Hostname","address":"SECRET"}]}}"#;
    let text = check(node);
    assert!(!text.contains("SECRET") && text.contains("0.5"), "{text}");
    let template = r#"{"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{"name":"r","annotations":{"a":"SECRET"}},
        "spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":
        [{"name":"c","image":"SECRET","env":[{"name":"k","value":"SECRET"}]}]}}}}"#;
    let text = check(template);
    assert!(!text.contains("SECRET"), "{text}");
}

#[test]
fn an_amount_beyond_64_bits_still_counts_as_it_was_written() {
    for amount in ["12E", "1e400", "8Ei", "10000000000000000000", "5e4", "1.5Gi", "1n"] {
        let node = format!(
            r#"{{"apiVersion":"v1","kind":"Node","metadata":{{"name":"n"}},"status":{{"capacity":{{"a/b":"{amount}"}}}}}}"#
        );
        let amount_of = |object: Object| match object {
            Object::Node(node) => node.allocatable[0].1,
            other => panic!("{other:?}"),
        };
        let (before, after) = (amount_of(decoded(&node)), amount_of(decoded(&check(&node))));
        let values = |q: berth_model::quantity::Quantity| (q.value(), q.milli_value(), (q + q).value());
        assert_eq!(values(before), values(after), "{amount}");
    }
}

proptest! {
    #[test]
    fn any_text_and_any_time_survive(message in any::<String>(), value in "[a-z0-9]{1,8}", started in -1_000_000_000_000i64..1_000_000_000_000) {
        let message = serde_json::to_string(&message).unwrap();
        let json = format!(
            r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"a","uid":{message},"labels":{{"k":"{value}"}}}},
            "spec":{{"containers":[{{"name":"c","image":{message}}}]}},"status":{{"conditions":[{{"type":"PodScheduled",
            "status":"False","message":{message}}}]}}}}"#
        );
        let Object::Pod(mut pod) = decoded(&json) else { panic!("no pod") };
        pod.pod.started = Some(started.clamp(-62_167_219_200, 253_402_300_799));
        let object = Object::Pod(pod);
        prop_assert_eq!(decoded(&encode(&object)), object);
    }
}
