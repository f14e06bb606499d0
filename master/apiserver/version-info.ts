/** The answer of `/version`, as kubectl compares it with its own. Source: Kubernetes, k8s.io/apimachinery version.Info. */
export interface VersionInfo {
  /** Whole numbers as text, without a plus sign: some clients parse them. */
  major: string;
  minor: string;
  /** `v1.35.0+bramble.0.1.0` */
  gitVersion: string;
  gitCommit: string;
  gitTreeState: string;
  buildDate: string;
  goVersion: string;
  compiler: string;
  platform: string;
}
