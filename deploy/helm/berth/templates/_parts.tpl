{{- define "berth.labels" -}}
app.kubernetes.io/name: {{ .Values.name }}
app.kubernetes.io/part-of: berth
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "berth.subject" -}}
subjects:
- kind: ServiceAccount
  name: {{ .Values.name }}
  namespace: {{ .Release.Namespace }}
{{- end }}

{{- define "berth.leaseName" -}}
{{ ternary "kube-scheduler" .Values.leaseName .Values.replaceKubeScheduler }}
{{- end }}

{{- define "berth.profiles" -}}
{{- $name := ternary "default-scheduler" .Values.schedulerName .Values.replaceKubeScheduler }}
{{- toYaml (default (list (dict "schedulerName" $name)) .Values.profiles) }}
{{- end }}

{{- define "berth.schedulerNames" -}}
{{- range $at, $profile := include "berth.profiles" . | fromYamlArray }}
{{- if $at }}, {{ end }}'{{ default "default-scheduler" $profile.schedulerName }}'
{{- end }}
{{- end }}

{{- define "berth.configuration" -}}
{{- $election := dict "resourceName" (include "berth.leaseName" .) }}
{{- if ne .Release.Namespace "kube-system" }}
{{- if not .Values.replaceKubeScheduler }}
{{- $_ := set $election "resourceNamespace" .Release.Namespace }}
{{- end }}
{{- end }}
{{- $own := dict "apiVersion" "kubescheduler.config.k8s.io/v1" "kind" "KubeSchedulerConfiguration" }}
{{- $_ := set $own "leaderElection" $election }}
{{- $_ := set $own "profiles" (include "berth.profiles" . | fromYamlArray) }}
{{- if .Values.extenders }}
{{- $_ := set $own "extenders" .Values.extenders }}
{{- end }}
{{- toYaml (mergeOverwrite $own (deepCopy .Values.configuration)) }}
{{- end }}
