/** What the page is looked at with: a workload, a pod that fits nowhere, hostile texts, and two people of different rights. */
import { TEST_IMAGE } from '../docker.ts';

export const HOSTILE = '<img src=x onerror=alert(1)>';

/** Names of the service accounts: `operator` may restart and scale in one namespace, `keeper` looks after boards. */
export const [OPERATOR, KEEPER] = ['operator', 'keeper'] as const;

export const MANIFEST = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - name: main
          image: ${TEST_IMAGE}
          imagePullPolicy: IfNotPresent
          command: [sh, -c, "printf '${HOSTILE}\\\\033[31mred\\\\n'; while true; do echo tick; sleep 1; done"]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: too-big}
spec: {containers: [{name: main, image: "${TEST_IMAGE}", resources: {requests: {memory: 900Gi}}}]}
---
apiVersion: v1
kind: Event
metadata: {name: hostile}
involvedObject: {kind: Pod, name: too-big, namespace: default}
type: Warning
reason: Hostile
message: "${HOSTILE}"
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: ${OPERATOR}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: ${OPERATOR}}
rules:
  - {apiGroups: [apps], resources: [deployments, deployments/scale], verbs: [get, patch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: ${OPERATOR}}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: ${OPERATOR}}
subjects: [{kind: ServiceAccount, name: ${OPERATOR}}]
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: ${KEEPER}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: ${KEEPER}}
rules:
  - {apiGroups: [""], resources: [nodes], verbs: [get, patch]}
  - {apiGroups: [""], resources: [nodes/reboot, pods/eviction], verbs: [create]}
  - {apiGroups: [""], resources: [pods], verbs: [get, list, delete]}
  - {apiGroups: [apps], resources: [deployments], verbs: [patch, delete]}
  - {apiGroups: [certificates.k8s.io], resources: [certificatesigningrequests], verbs: [get]}
  - {apiGroups: [certificates.k8s.io], resources: [certificatesigningrequests/approval], verbs: [update]}
  - apiGroups: [certificates.k8s.io]
    resources: [signers]
    resourceNames: [kubernetes.io/kube-apiserver-client-kubelet]
    verbs: [approve]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: ${KEEPER}}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: ${KEEPER}}
subjects: [{kind: ServiceAccount, name: ${KEEPER}, namespace: default}]
`;
