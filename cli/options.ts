/** Options that several commands share, and their parsers. */
import { type Command, InvalidArgumentError } from 'commander';

export interface ProfileOptions {
  kubeconfig?: string;
  profile?: string;
  dataDir?: string;
}

export interface ClusterOptions extends ProfileOptions {
  /** For programs. */
  json?: boolean;
}

export interface NamespaceOptions extends ClusterOptions {
  namespace?: string;
  allNamespaces?: boolean;
}

export interface PortOptions {
  apiPort: number;
  mqttPort: number;
  statusPort: number;
}

/** Which cluster is meant. Without defaults of the environment, which a flag must win over: kubeconfigPath looks there. */
export function addProfileOptions(command: Command): Command {
  return command
    .option('--kubeconfig <file>', 'kubeconfig of the cluster (env: BRAMBLE_KUBECONFIG)')
    .option('--profile <name>', 'name of the cluster: bramble profile list (env: BRAMBLE_PROFILE)')
    .option('--data-dir <dir>', 'folder of a cluster on this machine (env: BRAMBLE_DATA_DIR)');
}

export function addJsonOption(command: Command): Command {
  return command.option('--json', 'print JSON, for programs; errors too');
}

export function addClusterOptions(command: Command): Command {
  return addJsonOption(addProfileOptions(command));
}

export function addNamespaceOption(command: Command, options = addClusterOptions): Command {
  return options(command).option('-n, --namespace <name>', 'namespace; default: that of the profile');
}

export function parseCount(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < 0) {
    throw new InvalidArgumentError('It must be a whole number, 0 or more.');
  }
  return value;
}

export function parsePort(text: string): number {
  const value = parseCount(text);
  if (value < 1 || value > 65_535) throw new InvalidArgumentError('A port is a number from 1 to 65535.');
  return value;
}

export function parseOptionalPort(text: string): number | 'off' {
  return text === 'off' ? 'off' : parsePort(text);
}

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s`, `15m`, `24h`, `7d`, and sums such as `1h30m`; in milliseconds. */
export function parseDuration(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)([smhd])/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text) {
    throw new InvalidArgumentError('Write a duration such as 90s, 15m, 24h or 7d.');
  }
  return parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * (UNITS_MS[unit] ?? 0), 0);
}

const FORMATS = ['table', 'wide', 'yaml', 'json', 'name'];
const TEMPLATES = ['jsonpath', 'custom-columns'];

/** How objects are printed: a format, or a template behind `jsonpath=` or `custom-columns=`. */
export function parseOutput(text: string): string {
  const [format = '', ...template] = text.split('=');
  if (FORMATS.includes(text) || (TEMPLATES.includes(format) && template.join('') !== '')) return text;
  throw new InvalidArgumentError(`It must be ${FORMATS.join(', ')}, jsonpath=TEMPLATE or custom-columns=TITLE:.path.`);
}
