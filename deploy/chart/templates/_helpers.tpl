{{/* The name of every object: the release's name, followed by the chart's unless it contains that. The Secret's name is 4 characters longer. */}}
{{- define "warden.name" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 59 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 59 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The labels that select warden's Pods. They must never change, because a Deployment's selector cannot change. */}}
{{- define "warden.selector" -}}
app.kubernetes.io/name: koupleless-warden
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "warden.labels" -}}
{{ include "warden.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "warden.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ printf "%s@%s" .repository .digest }}
{{- else -}}
{{ printf "%s:%s" .repository (.tag | default $.Chart.AppVersion) }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* ADDRESS:PORT of the list of both, with brackets around an IPv6 address. */}}
{{- define "warden.listen" -}}
{{- $address := first . -}}
{{- printf "%s:%d" (ternary (printf "[%s]" $address) $address (contains ":" $address)) (int64 (last .)) -}}
{{- end -}}

{{/* The Secret that is mounted for the server, in the modes files and certManager. */}}
{{- define "warden.certificateSecret" -}}
{{- if eq .Values.certificates.mode "files" -}}
{{- .Values.certificates.secretName -}}
{{- else -}}
{{- printf "%s-cert" (include "warden.name" .) -}}
{{- end -}}
{{- end -}}

{{/* How the API server reaches warden, the same in every webhook. */}}
{{- define "warden.clientConfig" -}}
service:
  namespace: {{ .root.Release.Namespace }}
  name: {{ include "warden.name" .root }}
  port: 9443
  path: {{ .path }}
{{- end -}}

{{- define "warden.namespaces" -}}
matchExpressions:
  # The control plane and warden itself must never wait for warden.
  - key: kubernetes.io/metadata.name
    operator: NotIn
    values: {{ concat (list "kube-system" .Release.Namespace) .Values.webhooks.excludedNamespaces | uniq | toJson | replace "\",\"" "\", \"" }}
  {{- with .Values.webhooks.namespaceSelector }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "warden.webhookAnnotations" -}}
{{- $annotations := .Values.webhooks.annotations -}}
{{- if eq .Values.certificates.mode "certManager" -}}
{{- $from := printf "%s/%s" .Release.Namespace (include "warden.name" .) -}}
{{- $annotations = merge (dict "cert-manager.io/inject-ca-from" $from) $annotations -}}
{{- end -}}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}
