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
{{- with .image.digest }}@{{ . }}{{ end -}}
{{- end -}}

{{- /* The container's part of the Restricted Pod Security Standard, and of the pod's. */ -}}
{{- define "wamp-operator.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "wamp-operator.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "wamp-operator.imagePullSecrets" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
{{- range . }}
- name: {{ . }}
{{- end }}
{{- end }}
{{- end -}}

{{- /* What roles and bindings are bound to. */ -}}
{{- define "wamp-operator.subjects" -}}
subjects:
- kind: ServiceAccount
  name: {{ include "wamp-operator.serviceAccount" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}

{{- /* Where pods of the operator's image may run. */ -}}
{{- define "wamp-operator.placement" -}}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 0 }}
{{- end }}
{{- end -}}

{{- /* The manifests of the WampCluster in the values. */ -}}
{{- define "wamp-operator.manifests" -}}
{{- $cluster := .Values.cluster.name }}
{{- $api := "wamp-operator.io/v1alpha1" }}
{{- dict "apiVersion" $api "kind" "WampCluster" "metadata" (dict "name" $cluster) "spec" .Values.cluster.spec | toYaml }}
{{- range $name, $spec := .Values.cluster.realms }}
---
{{ dict "apiVersion" $api "kind" "WampRealm" "metadata" (dict "name" $name) "spec" (merge (dict "clusterRef" (dict "name" $cluster)) ($spec | default dict) (dict "realm" $name)) | toYaml }}
{{- end }}
{{- range $name, $spec := .Values.cluster.procedures }}
---
{{ dict "apiVersion" $api "kind" "WampProcedure" "metadata" (dict "name" $name) "spec" (merge (dict "clusterRef" (dict "name" $cluster)) ($spec | default dict)) | toYaml }}
{{- end }}
{{- end -}}
