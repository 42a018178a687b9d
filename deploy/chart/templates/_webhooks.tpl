{{/* What both webhook configurations have in common: which writes the API server sends to warden. */}}

{{- define "warden.pods" -}}
rules:
  - apiGroups: [""]
    apiVersions: [v1]
    operations: [CREATE, UPDATE]
    resources: [pods]
    scope: Namespaced
namespaceSelector:
  {{- include "warden.namespaces" . | nindent 2 }}
matchConditions:
  # Identity labels are for modules only: on any other Pod they would keep modules off its node, so warden removes them.
  - name: module-or-labelled-as-one
    expression: |-
      ["virtual-kubelet.koupleless.io/component", "module-controller.koupleless.io/component"].exists(k,
        object.metadata.?labels[?k].orValue("") == "module")
      || object.metadata.?labels.orValue({}).exists(k, k.startsWith("module.warden.koupleless.io/"))
  # Until it is gone, a Pod that is being deleted stays what it is.
  - name: not-being-deleted
    expression: |-
      !has(object.metadata.deletionTimestamp)
  # kubectl apply sends the user's lists again, without what warden filled in, and the API server would refuse that. Another image
  # in a running Pod is another jar under the same version.
  - name: created-or-changed
    expression: |-
      request.operation == "CREATE"
      || object.spec.?tolerations.orValue([]) != oldObject.spec.?tolerations.orValue([])
      || object.spec.?affinity.orValue({}) != oldObject.spec.?affinity.orValue({})
      || object.spec.containers.map(c, c.?image.orValue("")) != oldObject.spec.containers.map(c, c.?image.orValue(""))
      || [object, oldObject].exists(o, o.metadata.?labels.orValue({}).exists(k,
           (k in ["virtual-kubelet.koupleless.io/component", "module-controller.koupleless.io/component"]
            || k.startsWith("module.warden.koupleless.io/"))
           && object.metadata.?labels[?k] != oldObject.metadata.?labels[?k]))
      || !["virtual-kubelet.koupleless.io/component", "module-controller.koupleless.io/component"].exists(k,
           object.metadata.?labels[?k].orValue("") == "module")
{{- end -}}

{{/* The kinds with a pod template in the usual place. */}}
{{- define "warden.templateRules" -}}
- apiGroups: [apps]
  apiVersions: [v1]
  operations: [CREATE, UPDATE]
  resources: [deployments, statefulsets, daemonsets, replicasets]
  scope: Namespaced
- apiGroups: [""]
  apiVersions: [v1]
  operations: [CREATE, UPDATE]
  resources: [replicationcontrollers]
  scope: Namespaced
- apiGroups: [batch]
  apiVersions: [v1]
  operations: [CREATE, UPDATE]
  resources: [jobs]
  scope: Namespaced
# These need not be installed.
- apiGroups: [apps.kruise.io]
  apiVersions: [v1alpha1, v1beta1]
  operations: [CREATE, UPDATE]
  resources: [clonesets, statefulsets, daemonsets]
  scope: Namespaced
- apiGroups: [argoproj.io]
  apiVersions: [v1alpha1]
  operations: [CREATE, UPDATE]
  resources: [rollouts]
  scope: Namespaced
{{- end -}}

{{- define "warden.templates" -}}
rules:
  {{- include "warden.templateRules" . | nindent 2 }}
namespaceSelector:
  {{- include "warden.namespaces" . | nindent 2 }}
matchConditions:
  # A Rollout may have no template but a reference to a Deployment, which is sent itself.
  - name: module
    expression: |-
      object.?spec.?template.hasValue()
      && ["virtual-kubelet.koupleless.io/component", "module-controller.koupleless.io/component"].exists(k,
           object.spec.template.?metadata.?labels[?k].orValue("") == "module"
           || object.metadata.?labels[?k].orValue("") == "module-deployment")
  # The ReplicaSet of a Deployment and the Job of a CronJob are copies of a template that warden has judged.
  - name: no-copy
    expression: |-
      !(request.kind.kind in ["ReplicaSet", "ReplicationController", "Job"]
        && object.metadata.?ownerReferences.orValue([]).exists(owner, owner.?controller.orValue(false)))
  - name: not-being-deleted
    expression: |-
      !has(object.metadata.deletionTimestamp)
  # The fields beside the template decide on whether it rolls out. State annotations of warden's controllers do not count as a
  # change, or warden would call itself. Builds before 0.1.0 wrote warden.koupleless.io/peer, which warden removes. From 0.2 on,
  # it need not be excluded.
  - name: created-or-changed
    expression: |-
      request.operation == "CREATE"
      || ["template", "paused", "strategy", "updateStrategy", "progressDeadlineSeconds"].exists(k,
           object.spec[?k] != oldObject.?spec[?k])
      || (["virtual-kubelet.koupleless.io/strategy", "module-controller.koupleless.io/strategy"].exists(k,
            object.metadata.?labels[?k].orValue("") == "peer")
          && object.spec.?replicas.orValue(1) != oldObject.?spec.?replicas.orValue(1))
      || [object, oldObject].exists(o, o.metadata.?annotations.orValue({}).exists(k, k.contains("koupleless.io/")
           && !k.startsWith("state.warden.koupleless.io/") && k != "warden.koupleless.io/peer"
           && object.metadata.?annotations[?k] != oldObject.metadata.?annotations[?k]))
      || [object, oldObject].exists(o, o.metadata.?labels.orValue({}).exists(k, k.contains("koupleless.io/")
           && object.metadata.?labels[?k] != oldObject.metadata.?labels[?k]))
{{- end -}}

{{- define "warden.cronJobRules" -}}
- apiGroups: [batch]
  apiVersions: [v1]
  operations: [CREATE, UPDATE]
  resources: [cronjobs]
  scope: Namespaced
{{- end -}}

{{- define "warden.cronJobs" -}}
rules:
  {{- include "warden.cronJobRules" . | nindent 2 }}
namespaceSelector:
  {{- include "warden.namespaces" . | nindent 2 }}
matchConditions:
  - name: module
    expression: |-
      ["virtual-kubelet.koupleless.io/component", "module-controller.koupleless.io/component"].exists(k,
        object.spec.jobTemplate.spec.template.?metadata.?labels[?k].orValue("") == "module"
        || object.metadata.?labels[?k].orValue("") == "module-deployment")
  - name: not-being-deleted
    expression: |-
      !has(object.metadata.deletionTimestamp)
  - name: created-or-changed
    expression: |-
      request.operation == "CREATE"
      || object.spec.jobTemplate.spec.template != oldObject.spec.jobTemplate.spec.template
      || [object, oldObject].exists(o, o.metadata.?annotations.orValue({}).exists(k, k.contains("koupleless.io/")
           && !k.startsWith("state.warden.koupleless.io/")
           && object.metadata.?annotations[?k] != oldObject.metadata.?annotations[?k]))
      || [object, oldObject].exists(o, o.metadata.?labels.orValue({}).exists(k, k.contains("koupleless.io/")
           && object.metadata.?labels[?k] != oldObject.metadata.?labels[?k]))
{{- end -}}

{{/* How the API server waits for the answer of a webhook that no module passes by. */}}
{{- define "warden.mustAnswer" -}}
admissionReviewVersions: [v1]
sideEffects: None
failurePolicy: {{ .Values.webhooks.failurePolicy }}
timeoutSeconds: {{ .Values.webhooks.timeoutSeconds }}
{{- end -}}
