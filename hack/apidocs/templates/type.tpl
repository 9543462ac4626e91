{{- define "type" -}}
{{- $type := . -}}
{{- if markdownShouldRenderType $type -}}
{{ if $type.GVK }}##{{ else }}###{{ end }} {{ $type.Name }}

{{ $type.Doc }}

{{ if $type.References -}}
In {{ range $i, $r := $type.SortedReferences }}{{ if $i }}, {{ end }}{{ markdownRenderTypeLink $r }}{{ end }}.

{{ end -}}
{{ if $type.Members -}}
| field | | what it says | default |
|---|---|---|---|
{{ range $type.Members -}}
| `{{ .Name  }}` | {{ markdownRenderType .Type }}{{ if has "Required: {}" .Validation }}, required{{ end }} | {{ template "type_members" . }} | {{ with .Default }}`{{ . }}`{{ end }} |
{{ end }}
{{ end -}}
{{ if $type.EnumValues -}}
| value | |
|---|---|
{{ range $type.EnumValues -}}
| `{{ .Name }}` | {{ markdownRenderFieldDoc .Doc | replace "<br />" " " }} |
{{ end }}
{{ end -}}
{{- end -}}
{{- end -}}
