{{- define "siskin.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "siskin.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "siskin.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "siskin.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "siskin.selectorLabels" -}}
app.kubernetes.io/name: {{ include "siskin.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "siskin.labels" -}}
{{ include "siskin.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "siskin.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "siskin.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name must name an existing ServiceAccount when serviceAccount.create is false" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* Names of cluster-scoped objects: two installs that watch one namespace each must not collide. */}}
{{- define "siskin.clusterName" -}}
{{- if .Values.watchNamespace -}}
{{- printf "%s-%s" (include "siskin.fullname" .) .Values.watchNamespace -}}
{{- else -}}
{{- include "siskin.fullname" . -}}
{{- end -}}
{{- end -}}

{{- define "siskin.holdPolicyName" -}}
{{- printf "%s-hold" (include "siskin.clusterName" .) -}}
{{- end -}}

{{/*
"true" where a policy is part of this release. Takes its value, the kind of which the cluster must have the API where that
value is auto, and the release's `root`. Without the hold policy, auto installs none of the others either.
*/}}
{{- define "siskin.installs" -}}
{{- $value := toString .value -}}
{{- if eq $value "true" -}}
true
{{- else if and (eq $value "auto") (ne (toString .root.Values.admissionPolicy.install) "false") -}}
{{- if .root.Capabilities.APIVersions.Has (printf "admissionregistration.k8s.io/v1/%s" .kind) -}}
true
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "siskin.hasHoldPolicy" -}}
{{- include "siskin.installs" (dict "root" . "value" .Values.admissionPolicy.install "kind" "MutatingAdmissionPolicy") -}}
{{- end -}}

{{- define "siskin.hasVerbPolicy" -}}
{{- include "siskin.installs" (dict "root" . "value" .Values.admissionPolicy.nameAskers "kind" "MutatingAdmissionPolicy") -}}
{{- end -}}

{{- define "siskin.hasAccountPolicy" -}}
{{- include "siskin.installs" (dict "root" . "value" .Values.admissionPolicy.boundAccount "kind" "ValidatingAdmissionPolicy") -}}
{{- end -}}

{{- define "siskin.hasAuthorPolicy" -}}
{{- include "siskin.installs" (dict "root" . "value" .Values.admissionPolicy.checkAuthors "kind" "ValidatingAdmissionPolicy") -}}
{{- end -}}

{{/* The controller as the API server knows it. */}}
{{- define "siskin.username" -}}
{{- printf "system:serviceaccount:%s:%s" .Release.Namespace (include "siskin.serviceAccountName" .) -}}
{{- end -}}

{{/* Where only one namespace is watched, a policy's binding concerns no other. */}}
{{- define "siskin.boundNamespace" -}}
{{- with .Values.watchNamespace -}}
matchResources:
  namespaceSelector:
    matchLabels:
      kubernetes.io/metadata.name: {{ . }}
{{- end }}
{{- end -}}

{{/* What Siskin does to objects of a namespace. Secrets and ConfigMaps are not among them. */}}
{{- define "siskin.namespacedRules" -}}
# Rollouts: their spec belongs to people. The patch is for the finalizer.
- apiGroups: [siskin.dev]
  resources: [rollouts]
  verbs: [get, list, watch, patch]
- apiGroups: [siskin.dev]
  resources: [rollouts/status]
  verbs: [patch]
# Where owner references are checked (OwnerReferencesPermissionEnforcement), the canary needs this to name its Rollout.
- apiGroups: [siskin.dev]
  resources: [rollouts/finalizers]
  verbs: [update]
- apiGroups: [siskin.dev]
  resources: [analysistemplates]
  verbs: [get, list, watch]
# Analyses: each run of a Rollout leaves one behind, and those of others are carried out. They go when their time is over.
- apiGroups: [siskin.dev]
  resources: [analysisruns]
  verbs: [get, list, watch, patch, create, delete]
- apiGroups: [siskin.dev]
  resources: [analysisruns/status]
  verbs: [patch]
# The workload's hold and label; the canary, made and removed.
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, patch, create, delete]
# Which revisions there are; one of two is made smaller when a newer template comes in the middle of a rolling update.
- apiGroups: [apps]
  resources: [replicasets]
  verbs: [get, list, watch, patch]
# Why a canary's pods do not become ready.
- apiGroups: [""]
  resources: [pods]
  verbs: [list]
# The Service's selector during a run; the generated Services.
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, patch, create, delete]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [get, list, watch]
# Weights, and what they were before.
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes]
  verbs: [get, list, watch, patch]
- apiGroups: [networking.istio.io]
  resources: [virtualservices]
  verbs: [get, list, watch, patch]
# Subsets; the policies of the generated Services' hosts.
- apiGroups: [networking.istio.io]
  resources: [destinationrules]
  verbs: [get, list, watch, patch, create, delete]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}
