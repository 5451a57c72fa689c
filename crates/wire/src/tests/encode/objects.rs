//! Objects by hand.

/// All fields that are read, each at least once and not at its default.
pub(super) const FULL: &[&str] = &[
    POD,
    RUNNING,
    VOLUMES,
    r#"{"apiVersion":"v1","kind":"Node","metadata":{"name":"n","labels":{"zone":"a"},"annotations":
    {"berth.dev/network-utilization":"0.35"}},"spec":{"unschedulable":true,"taints":[{"key":"gpu","value":"a100",
    "effect":"NoSchedule"},{"key":"gpu","effect":"PreferNoSchedule"},{"key":"x","effect":"NoExecute"}]},"status":
    {"capacity":{"cpu":"9"},"allocatable":{"cpu":"3500m","example.com/gpu":"2","memory":"16Gi"},"images":[{"names":
    ["a:1","a@sha256:0"],"sizeBytes":5}],"declaredFeatures":["b","a"]}}"#,
    r#"{"apiVersion":"metrics.k8s.io/v1beta1","kind":"NodeMetrics","metadata":{"name":"n"},"timestamp":
    "2026-01-31T12:00:00Z","window":"30s","usage":{"cpu":"156340512n","memory":"2Ki"}}"#,
    r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop","labels":{"team":"a"}}}"#,
    r#"{"apiVersion":"v1","kind":"PersistentVolume","metadata":{"name":"v","labels":{"a":"b"},"annotations":
    {"pv.kubernetes.io/bound-by-controller":"yes"},"deletionTimestamp":"2026-01-31T12:00:00Z"},"spec":{"capacity":
    {"storage":"10Gi"},"accessModes":["ReadWriteOnce","ReadOnlyMany","ReadWriteMany","ReadWriteOncePod"],"claimRef":
    {"namespace":"shop","name":"c","uid":"u"},"storageClassName":"fast","volumeMode":"Block","nodeAffinity":{"required":
    {"nodeSelectorTerms":[{"matchExpressions":[{"key":"zone","operator":"In","values":["a"]}]}]}},
    "volumeAttributesClassName":"gold","csi":{"driver":"d","volumeHandle":"h"}},"status":{"phase":"Released"}}"#,
    r#"{"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":"c","namespace":"shop","uid":"u","labels":
    {"a":"b"},"annotations":{"volume.kubernetes.io/selected-node":"n"},"deletionTimestamp":"2026-01-31T12:00:00Z",
    "ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"p","uid":"up","controller":true}]},"spec":{"accessModes":
    ["ReadWriteOnce"],"selector":{"matchLabels":{"a":"b"},"matchExpressions":[{"key":"c","operator":"Exists"}]},
    "resources":{"requests":{"storage":"1Gi"}},"volumeName":"v","storageClassName":"fast","volumeMode":"Block",
    "volumeAttributesClassName":"gold"},"status":{"phase":"Lost"}}"#,
    r#"{"apiVersion":"storage.k8s.io/v1","kind":"StorageClass","metadata":{"name":"fast","creationTimestamp":
    "2026-01-31T12:00:00Z","annotations":{"storageclass.beta.kubernetes.io/is-default-class":"true"}},"provisioner":"p",
    "parameters":{"k":"v"},"volumeBindingMode":"WaitForFirstConsumer","allowedTopologies":[{"matchLabelExpressions":
    [{"key":"zone","values":["a","b"]},{"key":"rack","values":["1"]}]},{}]}"#,
    r#"{"apiVersion":"storage.k8s.io/v1","kind":"CSINode","metadata":{"name":"n","annotations":
    {"storage.alpha.kubernetes.io/migrated-plugins":"kubernetes.io/aws-ebs, kubernetes.io/gce-pd"}},"spec":{"drivers":
    [{"name":"d","nodeID":"n","topologyKeys":["zone"],"allocatable":{"count":0}},{"name":"e","allocatable":{}}]}}"#,
    r#"{"apiVersion":"storage.k8s.io/v1","kind":"CSIDriver","metadata":{"name":"d"},"spec":{"storageCapacity":true,
    "preventPodSchedulingIfMissing":true}}"#,
    r#"{"apiVersion":"storage.k8s.io/v1","kind":"CSIStorageCapacity","metadata":{"name":"c","namespace":"shop"},
    "nodeTopology":{"matchLabels":{"zone":"a"}},"storageClassName":"fast","capacity":"1Ti","maximumVolumeSize":"1500m"}"#,
    r#"{"apiVersion":"storage.k8s.io/v1","kind":"VolumeAttachment","metadata":{"name":"a"},"spec":{"attacher":"d",
    "nodeName":"n","source":{"persistentVolumeName":"v"}}}"#,
    r#"{"apiVersion":"storage.k8s.io/v1","kind":"VolumeAttachment","metadata":{"name":"a"},"spec":{"attacher":"d",
    "nodeName":"n","source":{"inlineVolumeSpec":{"csi":{"driver":"d","volumeHandle":"h"}}}}}"#,
    r#"{"apiVersion":"v1","kind":"Service","metadata":{"name":"s","namespace":"shop"},"spec":{"selector":{"a":"b","c":""}}}"#,
    r#"{"apiVersion":"v1","kind":"ReplicationController","metadata":{"name":"r","namespace":"shop"},"spec":{"selector":
    {"a":"b"},"template":{"metadata":{"labels":{"a":"b","c":"d"}},"spec":{"containers":[{"name":"c"}]}}}}"#,
    r#"{"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{"name":"r"},"spec":{"replicas":3,"selector":
    {"matchExpressions":[{"key":"a","operator":"In","values":["b","c"]},{"key":"x","operator":"DoesNotExist"}]},
    "template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c"}]}}}}"#,
    r#"{"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{"name":"r"},"spec":{"selector":{"matchLabels":{"a":"b"}},
    "template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c"}]}}}}"#,
    r#"{"apiVersion":"apps/v1","kind":"DaemonSet","metadata":{"name":"r"},"spec":{"selector":{},"template":{"spec":
    {"containers":[{"name":"c"}]}}}}"#,
    r#"{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"j"},"spec":{"template":{"spec":{"containers":
    [{"name":"c"}]}}}}"#,
    r#"{"apiVersion":"batch/v1","kind":"CronJob","metadata":{"name":"j"},"spec":{"jobTemplate":{"spec":{"template":{"spec":
    {"containers":[{"name":"c"}]}}}}}}"#,
    r#"{"apiVersion":"policy/v1","kind":"PodDisruptionBudget","metadata":{"name":"b","namespace":"shop"},"spec":{"selector":
    {"matchLabels":{"a":"b"}}},"status":{"disruptionsAllowed":0}}"#,
    r#"{"apiVersion":"policy/v1","kind":"PodDisruptionBudget","metadata":{"name":"b"},"spec":{"selector":{},"minAvailable":
    "50%"}}"#,
    r#"{"apiVersion":"policy/v1","kind":"PodDisruptionBudget","metadata":{"name":"b","namespace":"shop"},"spec":{"selector":
    {"matchLabels":{"a":"b"}},"maxUnavailable":1},"status":{"disruptionsAllowed":2,"disruptedPods":{"y":"2026-01-31T12:00:00Z","x":null}}}"#,
    r#"{"apiVersion":"scheduling.k8s.io/v1","kind":"PriorityClass","metadata":{"name":"p"},"value":-5,"globalDefault":true,
    "preemptionPolicy":"Never"}"#,
    r#"{"apiVersion":"node.k8s.io/v1","kind":"RuntimeClass","metadata":{"name":"r"},"handler":"h","overhead":{"podFixed":
    {"cpu":"100m"}},"scheduling":{"nodeSelector":{"a":"b"},"tolerations":[{"operator":"Exists"}]}}"#,
    r#"{"apiVersion":"v1","kind":"LimitRange","metadata":{"name":"l","namespace":"shop"},"spec":{"limits":[{"type":
    "Container","max":{"cpu":"4"},"min":{"memory":"1Ki"},"default":{"cpu":"2"},"defaultRequest":{"cpu":"1"}},{"type":"Pod",
    "max":{"cpu":"8"}},{"type":"PersistentVolumeClaim","min":{"storage":"1"}}]}}"#,
];

const POD: &str = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","namespace":"shop","uid":"u","labels":
    {"app":"web","hash":"h","tenant":"t"},"creationTimestamp":"2026-01-31T12:00:00Z","generation":7,"ownerReferences":
    [{"apiVersion":"v1","kind":"Node","name":"x","uid":"ux"},{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"r",
    "uid":"ur","controller":true}]},"spec":{"nodeSelector":{"disk":"ssd"},"hostUsers":false,"schedulerName":"mine",
    "priorityClassName":"high","priority":1000,"runtimeClassName":"kata","preemptionPolicy":"Never","overhead":
    {"cpu":"10m"},"os":{"name":"linux"},"schedulingGates":[{"name":"example.com/a"},{"name":"b"}],"resourceClaims":
    [{"name":"x"},{"name":"y"}],"resources":{"requests":{"cpu":"3"},"limits":{"memory":"1Gi"}},"tolerations":[{"key":"a",
    "value":"b","effect":"NoExecute","tolerationSeconds":5},{"operator":"Exists"},{"key":"c","operator":"Exists",
    "effect":"PreferNoSchedule"}],"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":
    {"nodeSelectorTerms":[{"matchExpressions":[{"key":"a","operator":"NotIn","values":["b","c"]},{"key":"g","operator":"Gt",
    "values":["5"]},{"key":"l","operator":"Lt","values":["5"]},{"key":"e","operator":"Exists"},{"key":"d","operator":
    "DoesNotExist"}],"matchFields":[{"key":"metadata.name","operator":"In","values":["n"]}]},{}]},
    "preferredDuringSchedulingIgnoredDuringExecution":[{"weight":5,"preference":{"matchExpressions":[{"key":"a",
    "operator":"In","values":["no label!"]}]}},{"weight":6,"preference":{}}]},"podAffinity":
    {"requiredDuringSchedulingIgnoredDuringExecution":[{"topologyKey":"zone","labelSelector":{"matchLabels":{"app":"web"},
    "matchExpressions":[{"key":"aa","operator":"In","values":["x"]}]},"matchLabelKeys":["hash"],"mismatchLabelKeys":
    ["tenant"],"namespaces":["a","b"],"namespaceSelector":{}}],"preferredDuringSchedulingIgnoredDuringExecution":
    [{"weight":100,"podAffinityTerm":{"topologyKey":"zone","namespaceSelector":{"matchLabels":{"team":"a"}}}}]},
    "podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"topologyKey":"host","labelSelector":{}}]}},
    "topologySpreadConstraints":[{"maxSkew":2,"topologyKey":"zone","whenUnsatisfiable":"DoNotSchedule","labelSelector":
    {"matchLabels":{"app":"web"}},"minDomains":3,"nodeAffinityPolicy":"Ignore","nodeTaintsPolicy":"Honor",
    "matchLabelKeys":["hash"]},{"maxSkew":1,"topologyKey":"zone","whenUnsatisfiable":"ScheduleAnyway"}],"initContainers":
    [{"name":"side","restartPolicy":"Always","image":"s:1","resources":{"requests":{"cpu":"100m"}}}],"containers":
    [{"name":"main","image":"i:1","resources":{"limits":{"cpu":"2","example.com/gpu":"1"},"requests":{"memory":"64Mi"}},
    "ports":[{"containerPort":80,"hostPort":8080,"protocol":"UDP","hostIP":"10.0.0.1"},{"containerPort":81},
    {"containerPort":82,"hostPort":82,"protocol":"SCTP"}],"restartPolicyRules":[{"action":"RestartAllContainers"}],
    "volumeMounts":[{"name":"v","mountPath":"/v","bindMountOptions":["noexec"]}]}]}}"#;

const RUNNING: &str = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","deletionTimestamp":
    "2026-01-01T00:00:00Z"},"spec":{"nodeName":"n","hostNetwork":true,"containers":[{"name":"a","ports":
    [{"containerPort":80}]},{"name":"b","ports":[{"containerPort":81,"hostPort":81}]}],"initContainers":[{"name":"i"}]},
    "status":{"phase":"Failed","startTime":"1970-01-01T00:01:00Z","nominatedNodeName":"m","conditions":
    [{"type":"PodResizePending","status":"True","reason":"Deferred"},{"type":"PodScheduled","status":"False","reason":
    "Unschedulable","message":"0/1 nodes: \"\\\n\u0001é"},{"type":"DisruptionTarget","status":"True","reason":
    "PreemptionByScheduler"}],"allocatedResources":{"cpu":"5"},"resources":{"requests":{"cpu":"6"},"limits":{"cpu":"7"}},
    "containerStatuses":[{"name":"b","allocatedResources":{"cpu":"1"},"resources":{"requests":{"cpu":"2"}}},{"name":"a",
    "allocatedResources":{},"resources":{"requests":{}}}],"initContainerStatuses":[{"name":"i","allocatedResources":
    {"cpu":"3"}}]}}"#;

const VOLUMES: &str = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","namespace":"shop"},"spec":{"containers":
    [{"name":"c"}],"volumes":[{"name":"a","persistentVolumeClaim":{"claimName":"c","readOnly":true}},{"name":"tmp",
    "emptyDir":{}},{"name":"none","ephemeral":{}},{"name":"e","ephemeral":{"volumeClaimTemplate":{"metadata":{"labels":
    {"a":"b"}},"spec":{"accessModes":["ReadWriteOnce"],"storageClassName":"","resources":{"requests":
    {"storage":"1Gi"}}}}}},{"name":"csi","csi":{"driver":"d"}},{"name":"image","image":{"reference":"i:1"}},{"name":"gce",
    "gcePersistentDisk":{"pdName":"d","readOnly":true}},{"name":"aws","awsElasticBlockStore":{"volumeID":"d"}},
    {"name":"azure","azureDisk":{"diskName":"d","diskURI":"u","kind":"Managed"}},{"name":"azure2","azureDisk":
    {"diskName":"d"}},{"name":"cinder","cinder":{"volumeID":"d"}},{"name":"iscsi","iscsi":{"iqn":"q","readOnly":true}},
    {"name":"rbd","rbd":{"monitors":["a","b"],"pool":"p","image":"i","readOnly":true}},{"name":"rbd2","rbd":{"monitors":[],
    "image":"i"}},{"name":"vs","vsphereVolume":{"volumePath":"p"}},{"name":"px","portworxVolume":{"volumeID":"d"}}]}}"#;

/// Where absent, empty and zero are not the same, or must not become something else.
pub(super) const EDGES: &[&str] = &[
    r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"priority":0,"resources":{"requests":{}},
    "containers":[{"name":"c"}]},"status":{"allocatedResources":{},"resources":{"requests":{}},"conditions":
    [{"type":"PodResizePending","status":"False","reason":"Infeasible"},{"type":"PodScheduled","status":"True"}]}}"#,
    r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"resources":{"limits":{"cpu":"4"}},"containers":
    [{"name":"c","resources":{"limits":{"hugepages-2Mi":"4Mi"},"requests":{"cpu":"0"}}}]},"status":{"conditions":
    [{"type":"DisruptionTarget","status":"True","reason":"Other"}]}}"#,
    r#"{"apiVersion":"v1","kind":"Node","metadata":{"name":"n"},"status":{"capacity":{"cpu":"4"},"allocatable":{}}}"#,
    r#"{"apiVersion":"v1","kind":"Node","metadata":{"name":"n"}}"#,
    r#"{"apiVersion":"v1","kind":"Service","metadata":{"name":"s"}}"#,
    r#"{"apiVersion":"v1","kind":"Service","metadata":{"name":"s"},"spec":{"selector":{}}}"#,
    r#"{"apiVersion":"v1","kind":"ReplicationController","metadata":{"name":"r"},"spec":{"template":{"metadata":{"labels":
    {"a":"b"}},"spec":{"containers":[{"name":"c"}]}}}}"#,
    r#"{"apiVersion":"v1","kind":"ReplicationController","metadata":{"name":"r"},"spec":{"template":{"spec":{"containers":
    [{"name":"c"}]}}}}"#,
    r#"{"apiVersion":"policy/v1","kind":"PodDisruptionBudget","metadata":{"name":"b"},"spec":{"selector":{}}}"#,
    r#"{"apiVersion":"policy/v1","kind":"PodDisruptionBudget","metadata":{"name":"b"}}"#,
    r#"{"apiVersion":"policy/v1","kind":"PodDisruptionBudget","metadata":{"name":"b"},"spec":{"selector":
    {"matchLabels":{"b":"1"},"matchExpressions":[{"key":"b","operator":"In","values":["1"]},{"key":"a","operator":"In",
    "values":["1"]},{"key":"c","operator":"In","values":["1"]}]}}}"#,
    r#"{"apiVersion":"v1","kind":"PersistentVolume","metadata":{"name":"v","annotations":
    {"volume.beta.kubernetes.io/storage-class":"slow"}},"spec":{"capacity":{"storage":"0"},"accessModes":
    ["ReadWriteOnce"],"storageClassName":"fast","claimRef":{},"rbd":{"image":"i"},"nodeAffinity":{}}}"#,
    r#"{"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":"c","annotations":
    {"volume.beta.kubernetes.io/storage-class":"slow"},"ownerReferences":[{"controller":true}]},"spec":{"accessModes":
    ["ReadWriteOnce"],"selector":{},"resources":{"requests":{"storage":"0"}},"volumeAttributesClassName":""}}"#,
    r#"{"apiVersion":"storage.k8s.io/v1","kind":"CSIStorageCapacity","metadata":{"name":"c"},"nodeTopology":{},
    "storageClassName":"fast","capacity":"0"}"#,
    r#"{"apiVersion":"storage.k8s.io/v1","kind":"VolumeAttachment","metadata":{"name":"a"},"spec":{"attacher":"d",
    "nodeName":"n","source":{"inlineVolumeSpec":{"csi":{}}}}}"#,
    r#"{"apiVersion":"metrics.k8s.io/v1beta1","kind":"NodeMetrics","metadata":{"name":"n"}}"#,
];
