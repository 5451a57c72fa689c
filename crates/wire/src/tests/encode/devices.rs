//! Device objects by hand: all fields that are read, each at least once and not at its default.

pub(super) const FULL: &[&str] = &[
    r#"{"apiVersion":"resource.k8s.io/v1","kind":"DeviceClass","metadata":{"name":"gpu","creationTimestamp":
    "2026-01-31T12:00:00Z"},"spec":{"selectors":[{"cel":{"expression":"device.driver == \"d.example.com\""}}],"config":
    [{"opaque":{"driver":"d.example.com","parameters":{"mode":"fast"}}}],"extendedResourceName":"example.com/gpu"}}"#,
    r#"{"apiVersion":"resource.k8s.io/v1","kind":"ResourceSlice","metadata":{"name":"s"},"spec":{"driver":"d.example.com",
    "pool":{"name":"p/q","generation":3,"resourceSliceCount":2},"perDeviceNodeSelection":true,"devices":[{"name":"d-0",
    "attributes":{"index":{"int":-7},"ok":{"bool":false},"example.com/model":{"string":"a100"},"v":{"version":"1.2.3"}},
    "capacity":{"memory":{"value":"80Gi","requestPolicy":{"default":"2Gi","validValues":["1Gi","2Gi"]}},"cores":
    {"value":"100","requestPolicy":{"default":"10","validRange":{"min":"10","max":"100","step":"10"}}}},
    "consumesCounters":[{"counterSet":"set","counters":{"slots":{"value":"1500m"}}}],"nodeName":"n1","taints":[{"key":"a",
    "value":"b","effect":"NoExecute"},{"key":"c","effect":"None"}],"bindsToNode":true,"bindingConditions":["example.com/up"],
    "bindingFailureConditions":["example.com/down"],"allowMultipleAllocations":true},{"name":"d-1","allNodes":true}]}}"#,
    r#"{"apiVersion":"resource.k8s.io/v1","kind":"ResourceSlice","metadata":{"name":"t"},"spec":{"driver":"d.example.com",
    "pool":{"name":"p","resourceSliceCount":1},"nodeSelector":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"zone",
    "operator":"In","values":["a"]}]}]},"sharedCounters":[{"name":"set","counters":{"slots":{"value":"4"}}}]}}"#,
    r#"{"apiVersion":"resource.k8s.io/v1","kind":"DeviceTaintRule","metadata":{"name":"r"},"spec":{"deviceSelector":
    {"driver":"d.example.com","pool":"p","device":"d-0"},"taint":{"key":"a","value":"b","effect":"NoSchedule"}}}"#,
    r#"{"apiVersion":"resource.k8s.io/v1","kind":"ResourceClaim","metadata":{"name":"c","namespace":"shop","uid":"u",
    "annotations":{"resource.kubernetes.io/extended-resource-claim":"true"},"deletionTimestamp":"2026-01-31T12:00:00Z",
    "ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"p","uid":"up","controller":true}]},"spec":{"devices":
    {"requests":[{"name":"a","exactly":{"deviceClassName":"gpu","selectors":[{"cel":{"expression":"true"}}],"count":2,
    "adminAccess":true,"tolerations":[{"key":"k","operator":"Equal","value":"v","effect":"NoExecute",
    "tolerationSeconds":5}],"capacity":{"requests":{"memory":"1Gi"}}}},{"name":"b","firstAvailable":[{"name":"x",
    "deviceClassName":"gpu","allocationMode":"All"},{"name":"y","deviceClassName":"gpu","tolerations":[{"operator":
    "Exists"}]}]}],"constraints":[{"requests":["a","b/x"],"matchAttribute":"example.com/numa"},{"distinctAttribute":
    "example.com/slot"}],"config":[{"requests":["a"],"opaque":{"driver":"d.example.com","parameters":{"m":[1,"x"]}}}]}},
    "status":{"allocation":{"devices":{"results":[{"request":"b/x","driver":"d.example.com","pool":"p","device":"d-0",
    "adminAccess":true,"tolerations":[{"operator":"Exists"}],"bindingConditions":["up"],"bindingFailureConditions":["down"],
    "shareID":"8f98d437-77f8-4193-8d05-47cf4370d7f6","consumedCapacity":{"memory":"1Gi"}}],"config":[{"source":
    "FromClass","requests":["a"],"opaque":{"driver":"d.example.com","parameters":{"a":1}}}]},"nodeSelector":
    {"nodeSelectorTerms":[{"matchFields":[{"key":"metadata.name","operator":"In","values":["n"]}]}]},
    "allocationTimestamp":"2026-01-31T12:00:00Z"},"reservedFor":[{"apiGroup":"x.k8s.io","resource":"pods","name":"p",
    "uid":"up"}],"devices":[{"driver":"d.example.com","pool":"p","device":"d-0","shareID":
    "8f98d437-77f8-4193-8d05-47cf4370d7f6","conditions":[{"type":"up","status":"True"}]}]}}"#,
    r#"{"apiVersion":"resource.k8s.io/v1","kind":"ResourceClaimTemplate","metadata":{"name":"t","namespace":"shop"},"spec":
    {"spec":{"devices":{"requests":[{"name":"a","exactly":{"deviceClassName":"gpu"}}]}}}}"#,
    r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"containers":[{"name":"c"}],"resourceClaims":[{"name":
    "x","resourceClaimName":"c"},{"name":"y","resourceClaimTemplateName":"t"},{"name":"z","resourceClaimTemplateName":
    "t"}]},"status":{"resourceClaimStatuses":[{"name":"y","resourceClaimName":"a-y"},{"name":"z"}]}}"#,
];
