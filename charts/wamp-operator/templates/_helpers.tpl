{{- define "wamp-operator.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "wamp-operator.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "wamp-operator.name" .) -}}
{{- end -}}

{{- define "wamp-operator.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "wamp-operator.labels" -}}
{{ include "wamp-operator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "wamp-operator.image" -}}
{{- printf "%s:%s" .image.repository (.image.tag | default .root.Chart.AppVersion) -}}
{{- end -}}

{{- /* What roles and bindings are bound to. */ -}}
{{- define "wamp-operator.subjects" -}}
subjects:
- kind: ServiceAccount
  name: {{ include "wamp-operator.serviceAccount" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}
