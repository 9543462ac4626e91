{{- define "gvDetails" -}}
{{- range $kind := .SortedKinds }}
- [{{ $kind }}](#{{ lower $kind }})
{{- end }}
{{ range $kind := .SortedKinds }}
{{ template "type" ($.TypeForKind $kind) }}
{{- end }}
## The parts of these

{{ range .SortedTypes }}{{ if not .GVK }}{{ template "type" . }}{{ end }}{{ end }}
{{- end -}}
