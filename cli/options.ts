/** Options that several commands share, and their parsers. */
import { type Command, InvalidArgumentError, Option } from 'commander';

export interface ClusterOptions {
  kubeconfig?: string;
  dataDir?: string;
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

export function addClusterOptions(command: Command): Command {
  return command
    .addOption(new Option('--kubeconfig <file>', 'profile of the cluster').env('BRAMBLE_KUBECONFIG'))
    .addOption(new Option('--data-dir <dir>', 'folder of a cluster on this machine, instead of --kubeconfig'));
}

export function addNamespaceOption(command: Command): Command {
  return addClusterOptions(command).option('-n, --namespace <name>', 'namespace; default: that of the profile');
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
