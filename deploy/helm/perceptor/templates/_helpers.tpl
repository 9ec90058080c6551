{{/* The release's name, with the chart's in it. */}}
{{- define "perceptor.fullname" -}}
{{- $name := contains "perceptor" .Release.Name | ternary .Release.Name (printf "%s-perceptor" .Release.Name) -}}
{{- default $name .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{/* What a component's objects are found by: (list root component). */}}
{{- define "perceptor.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: perceptor
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* The labels of a component's objects: (list root component). */}}
{{- define "perceptor.labels" -}}
{{- $root := index . 0 -}}
{{ include "perceptor.selector" . }}
app.kubernetes.io/part-of: perceptor
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- end }}

{{/* Name, namespace and labels of an object: (list root component). */}}
{{- define "perceptor.metadata" -}}
{{- $root := index . 0 -}}
name: {{ include "perceptor.fullname" $root }}-{{ index . 1 }}
namespace: {{ $root.Release.Namespace }}
labels:
  {{- include "perceptor.labels" . | nindent 2 }}
{{- end }}

{{/* An image by digest: (list root key). A tag only where allowTags says so. */}}
{{- define "perceptor.image" -}}
{{- $root := index . 0 -}}
{{- $key := index . 1 -}}
{{- $image := get $root.Values.images $key -}}
{{- $name := list $root.Values.images.registry $image.repository | compact | join "/" -}}
{{- if $image.digest -}}
{{ $name }}@{{ $image.digest }}
{{- else if and $root.Values.images.allowTags $image.tag -}}
{{ $name }}:{{ $image.tag }}
{{- else -}}
{{- fail (printf "images.%s.digest is empty: name the image by its digest (sha256:…), or set images.allowTags=true and images.%s.tag" $key $key) -}}
{{- end -}}
{{- end }}

{{/* Whether the core is spoken to by TLS: a word or nothing. */}}
{{- define "perceptor.tls" -}}
{{- if .Values.core.enabled -}}
{{- if ne .Values.tls.mode "off" }}on{{ end -}}
{{- else if hasPrefix "https://" .Values.core.externalUrl }}on{{ end -}}
{{- end }}

{{/* Where the core is. */}}
{{- define "perceptor.coreUrl" -}}
{{- if .Values.core.enabled -}}
{{ include "perceptor.tls" . | empty | ternary "http" "https" }}://{{ include "perceptor.fullname" . }}-core.{{ .Release.Namespace }}.svc:3001
{{- else -}}
{{ required "core.externalUrl: where is the core? It is needed where core.enabled is false" .Values.core.externalUrl }}
{{- end -}}
{{- end }}

{{- define "perceptor.tokenSecret" -}}
{{ default (printf "%s-tokens" (include "perceptor.fullname" .)) .Values.auth.existingSecret }}
{{- end }}

{{/* Whether the core reads tokens: a word or nothing. Other clusters need some beside service accounts. */}}
{{- define "perceptor.hasTokens" -}}
{{- if or (eq .Values.auth.mode "tokens") .Values.auth.existingSecret }}yes{{ end -}}
{{- end }}

{{- define "perceptor.tlsSecret" -}}
{{ default (printf "%s-tls" (include "perceptor.fullname" .)) .Values.tls.secretName }}
{{- end }}

{{/* Changes with the certificate, which whoever trusts it reads at its start. */}}
{{- define "perceptor.certificateMark" -}}
{{- if and .Values.core.enabled (eq .Values.tls.mode "generated") .Values.tls.names -}}
perceptor.dev/certificate: {{ join "," .Values.tls.names | sha256sum | trunc 16 | quote }}
{{- end -}}
{{- end }}

{{/* The name of this cluster among sources. */}}
{{- define "perceptor.source" -}}
{{- if not (or .Values.core.enabled .Values.clusterName) -}}
{{- fail "clusterName: a core that serves several clusters tells them apart by it" -}}
{{- end -}}
{{ .Values.perceiver.platform }}/{{ dig "cluster" "name" "" .Values.perceiver.settings | default .Values.clusterName | default "cluster" }}
{{- end }}

{{/* The sources that the release's own perceiver speaks for, with a space before each; nothing: all. */}}
{{- define "perceptor.perceiverScope" -}}
{{- $own := ternary (list (include "perceptor.source" .)) list .Values.perceiver.enabled -}}
{{- range concat $own .Values.auth.perceiverSources | uniq }} {{ . }}{{ end -}}
{{- end }}

{{/* How a client reaches the core, as settings. */}}
{{- define "perceptor.client" -}}
core: {{ include "perceptor.coreUrl" . }}
token_file: /var/run/perceptor/token
{{- if and (include "perceptor.tls" .) (or .Values.core.enabled .Values.core.externalCaSecret) }}
ca_file: /var/run/perceptor/ca.crt
{{- end }}
{{- end }}

{{/* The volume with a client's token and the core's authority: (list root role). */}}
{{- define "perceptor.credentials" -}}
{{- $root := index . 0 -}}
{{- $role := index . 1 -}}
name: credentials
projected:
  defaultMode: 0440
  sources:
    {{- if eq $root.Values.auth.mode "serviceAccounts" }}
    - serviceAccountToken:
        path: token
        audience: perceptor
        expirationSeconds: 3600
    {{- else }}
    - secret:
        name: {{ include "perceptor.tokenSecret" $root }}
        items:
          - key: {{ $role }}
            path: token
    {{- end }}
    {{- if include "perceptor.tls" $root }}
    {{- $secret := $root.Values.core.enabled | ternary (include "perceptor.tlsSecret" $root) $root.Values.core.externalCaSecret }}
    {{- if $secret }}
    - secret:
        name: {{ $secret }}
        items:
          - key: ca.crt
            path: ca.crt
    {{- end }}
    {{- end }}
{{- end }}

{{/* Settings as a file: (list "defaults as YAML" overrides). */}}
{{- define "perceptor.settings" -}}
{{- mergeOverwrite (index . 0 | fromYaml) (index . 1) | toYaml -}}
{{- end }}

{{/* A pod that Pod Security's "restricted" admits. OpenShift gives the ids by itself. */}}
{{- define "perceptor.podSecurity" -}}
runAsNonRoot: true
{{- if .Values.assignIds }}
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "perceptor.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* What every pod may be told about its place: the component's values. */}}
{{- define "perceptor.placement" -}}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{/* Replicas on nodes of their own, where there are such: (list root component). */}}
{{- define "perceptor.spread" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "perceptor.selector" . | nindent 8 }}
{{- end }}

{{- define "perceptor.pullSecrets" -}}
{{- with .Values.images.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}
