package gen

// cfgHead starts a configuration whose first profile is the default scheduler's.
const cfgHead = `apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
- schedulerName: default-scheduler
`
