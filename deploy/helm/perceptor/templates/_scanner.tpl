{{/*
A scanner's pod, for both kinds of placement: (dict "root" . "at" (list root component) "place" values "onNode" bool).
The fetcher starts first and ends last; the two share one unix socket and nothing else.
*/}}
{{- define "perceptor.scannerPod" -}}
{{- $root := .root -}}
{{- $scanner := $root.Values.scanner -}}
{{- $name := printf "%s-%s" (include "perceptor.fullname" $root) (index .at 1) -}}
metadata:
  labels:
    {{- include "perceptor.labels" .at | nindent 4 }}
    {{- with .place.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    perceptor.dev/settings: {{ include "perceptor.scannerFiles" . | sha256sum | trunc 16 | quote }}
    {{- include "perceptor.certificateMark" $root | nindent 4 }}
    {{- with .place.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ $name }}
  # Only a fetcher that reads pull secrets may ask the API server: it gets a token of its own.
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: 60
  {{- include "perceptor.pullSecrets" $root | nindent 2 }}
  {{- include "perceptor.placement" .place | nindent 2 }}
  {{- if not .onNode }}
  {{- include "perceptor.spread" .at | nindent 2 }}
  {{- end }}
  securityContext:
    {{- if .onNode }}
    # The group of the socket between the two.
    fsGroup: 65532
    seccompProfile:
      type: RuntimeDefault
    {{- else }}
    {{- include "perceptor.podSecurity" $root | nindent 4 }}
    {{- end }}
  initContainers:
    - name: image-fetcher
      restartPolicy: Always
      image: {{ include "perceptor.image" (list $root "imageFetcher") }}
      imagePullPolicy: {{ $root.Values.images.pullPolicy }}
      args: [--config, /etc/perceptor/image-fetcher.yaml]
      {{- with $scanner.fetcherEnv }}
      env:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        {{- if .onNode }}
        {{- include "perceptor.nodeFetcherSecurity" $root | nindent 8 }}
        {{- else }}
        {{- include "perceptor.containerSecurity" $root | nindent 8 }}
        {{- end }}
      startupProbe:
        exec: {command: [/perceptor, --config, /etc/perceptor/image-fetcher.yaml, --check]}
        periodSeconds: 1
        timeoutSeconds: 5
        failureThreshold: 60
      # A runtime that was restarted has a new socket; a restarted fetcher finds it.
      livenessProbe:
        exec: {command: [/perceptor, --config, /etc/perceptor/image-fetcher.yaml, --check]}
        periodSeconds: 30
        timeoutSeconds: 10
        failureThreshold: 3
      resources:
        {{- toYaml $scanner.fetcherResources | nindent 8 }}
      volumeMounts:
        - {name: settings, mountPath: /etc/perceptor, readOnly: true}
        - {name: socket, mountPath: /run/perceptor}
        {{- if .onNode }}
        {{- include "perceptor.nodeMounts" $root | nindent 8 }}
        {{- else }}
        {{- include "perceptor.registryMounts" $root | nindent 8 }}
        {{- end }}
  containers:
    - name: scanner
      image: {{ include "perceptor.image" (list $root "scanner") }}
      imagePullPolicy: {{ $root.Values.images.pullPolicy }}
      args: [--config, /etc/perceptor/scanner.yaml]
      env:
        - name: PERCEPTOR_SCANNER_NAME
          valueFrom: {fieldRef: {fieldPath: metadata.name}}
        {{- if .onNode }}
        - name: PERCEPTOR_SCANNER_NODE
          valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
        {{- end }}
        {{- with $scanner.env }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports:
        - name: metrics
          containerPort: 3002
      securityContext:
        {{- if .onNode }}
        runAsNonRoot: true
        runAsUser: 65532
        runAsGroup: 65532
        {{- end }}
        {{- include "perceptor.containerSecurity" $root | nindent 8 }}
      livenessProbe:
        httpGet: {path: /healthz, port: metrics}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: {path: /readyz, port: metrics}
        periodSeconds: 10
        timeoutSeconds: 5
      resources:
        {{- toYaml $scanner.resources | nindent 8 }}
      volumeMounts:
        - {name: settings, mountPath: /etc/perceptor, readOnly: true}
        - {name: credentials, mountPath: /var/run/perceptor, readOnly: true}
        - {name: socket, mountPath: /run/perceptor}
  volumes:
    - name: settings
      configMap:
        name: {{ $name }}
    - {{- include "perceptor.credentials" (list $root "scanner") | nindent 6 }}
    - name: socket
      emptyDir:
        medium: Memory
        sizeLimit: 1Mi
    {{- if .onNode }}
    {{- include "perceptor.nodeVolumes" $root | nindent 4 }}
    {{- else }}
    {{- include "perceptor.registryVolumes" $root | nindent 4 }}
    {{- end }}
{{- end }}

{{/* Account and settings of a kind of scanner; arguments as above. */}}
{{- define "perceptor.scannerSurroundings" -}}
{{- $root := .root -}}
{{- $name := printf "%s-%s" (include "perceptor.fullname" $root) (index .at 1) -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "perceptor.metadata" .at | nindent 2 }}
automountServiceAccountToken: false
---
apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "perceptor.metadata" .at | nindent 2 }}
data:
  {{- include "perceptor.scannerFiles" . | nindent 2 }}
{{- end }}

{{/* The settings of scanner and fetcher; arguments as above. */}}
{{- define "perceptor.scannerFiles" -}}
{{- $scanner := .root.Values.scanner -}}
scanner.yaml: |
  {{- include "perceptor.settings" (list (include "perceptor.scannerDefaults" .) (deepCopy $scanner.settings)) | nindent 2 }}
image-fetcher.yaml: |
  {{- include "perceptor.settings" (list (include "perceptor.fetcherDefaults" .) (deepCopy .place.fetcherSettings)) | nindent 2 }}
{{- end }}

{{- define "perceptor.scannerDefaults" -}}
core:
  {{- include "perceptor.client" .root | nindent 2 }}
sources:
  - {{ include "perceptor.source" .root }}
http:
  listen: 0.0.0.0:3002
log:
  format: json
{{- end }}

{{- define "perceptor.fetcherDefaults" -}}
{{- $registry := .root.Values.scanner.fromRegistry -}}
socket_mode: "660"
{{- if .onNode }}
socket_group: 65532
{{ include "perceptor.nodeStores" .root }}
{{- else }}
registry:
  enabled: true
  {{- if $registry.credentialsSecret }}
  credentials:
    - /etc/perceptor-credentials/config.json
  {{- end }}
  {{- if $registry.pullSecrets.enabled }}
  pull_secrets:
    source: {{ include "perceptor.source" .root }}
  {{- end }}
{{- end }}
log:
  format: json
{{- end }}

{{/*
The fetcher on a node: root, so that it is the owner of the runtime's socket and folders, with the
capability that reads files whatever their mode; no privileged container, nothing else of root's powers.
The kernel shows the marks of opaque folders (trusted.overlay.*) to SYS_ADMIN only: without it, layers
that lie about unpacked are refused rather than read wrongly.
*/}}
{{- define "perceptor.nodeFetcherSecurity" -}}
runAsUser: 0
runAsGroup: 0
runAsNonRoot: false
privileged: false
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
  add: [DAC_READ_SEARCH{{ if .Values.scanner.onNodes.unpackedLayers }}, SYS_ADMIN{{ end }}]
{{- with .Values.scanner.onNodes.seLinuxType }}
# Files of the node carry labels that a container's own type may not read.
seLinuxOptions:
  type: {{ . }}
{{- end }}
{{- end }}

{{/* Where a node's runtime keeps its images: socket and store as YAML. */}}
{{- define "perceptor.nodeStore" -}}
{{- $nodes := .Values.scanner.onNodes -}}
{{- $known := dict
  "containerd" (dict "socket" "/run/containerd/containerd.sock" "store" "/var/lib/containerd")
  "crio" (dict "socket" "" "store" "/var/lib/containers/storage")
  "docker" (dict "socket" "/var/run/docker.sock" "store" "") -}}
{{- $usual := get $known $nodes.runtime -}}
socket: {{ default $usual.socket $nodes.socket | quote }}
store: {{ default $usual.store $nodes.store | quote }}
{{- end }}

{{/* The paths are the node's own: runtimes speak of their folders by these names. */}}
{{- define "perceptor.nodeMounts" -}}
{{- $node := include "perceptor.nodeStore" . | fromYaml -}}
{{- with $node.socket }}
- {name: runtime-socket, mountPath: {{ . }}, readOnly: true}
{{- end }}
{{- with $node.store }}
- {name: runtime-store, mountPath: {{ . }}, readOnly: true}
{{- end }}
{{- end }}

{{- define "perceptor.nodeVolumes" -}}
{{- $node := include "perceptor.nodeStore" . | fromYaml -}}
{{- with $node.socket }}
- name: runtime-socket
  hostPath: {path: {{ . }}, type: Socket}
{{- end }}
{{- with $node.store }}
- name: runtime-store
  hostPath: {path: {{ . }}, type: Directory}
{{- end }}
{{- end }}

{{/* The store that the fetcher on a node reads, as its settings. */}}
{{- define "perceptor.nodeStores" -}}
{{- $node := include "perceptor.nodeStore" . | fromYaml -}}
{{- if eq .Values.scanner.onNodes.runtime "docker" -}}
engines:
  - unix://{{ $node.socket }}
{{- else if eq .Values.scanner.onNodes.runtime "containerd" -}}
containerd:
  - socket: {{ $node.socket }}
    root: {{ $node.store }}
{{- else -}}
containers_storage:
  - {{ $node.store }}
{{- end -}}
{{- end }}

{{/* What the fetcher reads credentials and authorities from, where it asks registries. */}}
{{- define "perceptor.registryMounts" -}}
{{- $registry := .Values.scanner.fromRegistry -}}
{{- if $registry.credentialsSecret }}
- {name: registry-credentials, mountPath: /etc/perceptor-credentials, readOnly: true}
{{- end }}
{{- if $registry.authoritiesConfigMap }}
- {name: registry-authorities, mountPath: /etc/perceptor-authorities, readOnly: true}
{{- end }}
{{- if $registry.pullSecrets.enabled }}
- {name: api, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}
{{- end }}
{{- end }}

{{- define "perceptor.registryVolumes" -}}
{{- $registry := .Values.scanner.fromRegistry -}}
{{- with $registry.credentialsSecret }}
- name: registry-credentials
  secret:
    secretName: {{ . }}
    defaultMode: 0440
    items: [{key: .dockerconfigjson, path: config.json}]
{{- end }}
{{- with $registry.authoritiesConfigMap }}
- name: registry-authorities
  configMap:
    name: {{ . }}
{{- end }}
{{- if $registry.pullSecrets.enabled }}
- name: api
  projected:
    defaultMode: 0440
    sources:
      - serviceAccountToken: {path: token, expirationSeconds: 3600}
      - configMap: {name: kube-root-ca.crt, items: [{key: ca.crt, path: ca.crt}]}
      - downwardAPI: {items: [{path: namespace, fieldRef: {fieldPath: metadata.namespace}}]}
{{- end }}
{{- end }}
