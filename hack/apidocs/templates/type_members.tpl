{{- define "type_members" -}}
{{- if eq .Name "metadata" -}}
As of any Kubernetes object.
{{- else -}}
{{ markdownRenderFieldDoc .Doc | replace "<br />" " " }}{{ range .Validation }}{{ if hasPrefix "Enum: " . }} One of {{ . | trimPrefix "Enum: [" | trimSuffix "]" | replace " " ", " }}.{{ end }}{{ end }}
{{- end -}}
{{- end -}}
