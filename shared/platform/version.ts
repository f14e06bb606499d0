/** What this build calls itself. Kubernetes' version is the one whose API it follows; clients compare it with their own. */
export const BRAMBLE_VERSION = '0.1.0';

export const KUBERNETES_VERSION = { major: '1', minor: '35', patch: '0' } as const;

/** `v1.35.0+bramble.0.1.0`, a semantic version with build metadata, as kubectl and the nodes show it. */
export const GIT_VERSION = `v${KUBERNETES_VERSION.major}.${KUBERNETES_VERSION.minor}.${KUBERNETES_VERSION.patch}+bramble.${BRAMBLE_VERSION}`;
