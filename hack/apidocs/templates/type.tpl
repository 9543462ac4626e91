{{- define "type" -}}
{{- $type := . -}}
{{- if markdownShouldRenderType $type -}}
{{ if $type.GVK }}##{{ else }}###{{ end }} {{ $type.Name }}

{{ $type.Doc }}

{{ $in := list -}}
{{ range $r := $type.SortedReferences }}{{ if not (hasPrefix "Router" $r.Name) }}{{ $in = append $in (markdownRenderTypeLink $r) }}{{ end }}{{ end -}}
{{ if $in -}}
In {{ join ", " $in }}.

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
