{{- define "gvList" -}}
# API reference

The resources of `wamp-operator.io/v1alpha1`, made from the types in `api/v1alpha1` by `make generate`.
`kubectl explain wampcluster.spec` and so on says the same. What a field refuses, the API server says when the
resource is applied, with a sentence about what to write instead.
{{ range . }}
{{ template "gvDetails" . }}
{{ end -}}
{{- end -}}
