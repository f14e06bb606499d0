/** Pure: what Docker says of containers and images, in the runtime's words. */
import { parseTime } from '../../shared/platform/clock.ts';
import type { ContainerDetails, ContainerSummary, ImageDetails, ImageSummary } from './docker-client.ts';
import { millisOf } from './docker-config.ts';
import { readNames } from './docker-image-names.ts';
import { LABEL, parseAnnotations, parseIdentity, readAddresses, SANDBOX_NAME } from './docker-labels.ts';
import type {
  ContainerAmounts,
  ContainerExit,
  ContainerRecord,
  ImageRecord,
  RuntimeInfo,
  SandboxRecord,
} from './runtime.ts';

/** Docker writes a time that has not come as year 1. */
const NEVER_PREFIX = '0001-';

/** Shells and Docker report death by signal N as 128 + N. */
const SIGNAL_BASE = 128;
const MAX_SIGNAL = 64;

/** Docker's exit codes 125 to 127 do not say that the start failed; its state does. Kubernetes reports 128 then. */
export const START_FAILED_CODE = 128;

export function isSandbox(summary: ContainerSummary): boolean {
  return summary.Labels[LABEL.containerName] === SANDBOX_NAME;
}

/** undefined: not ours. */
export function parseSandbox(summary: ContainerSummary): SandboxRecord | undefined {
  const identity = parseIdentity(summary.Labels);
  if (identity === undefined) return undefined;
  const ready = summary.State === 'running';
  const networks = ready ? Object.values(summary.NetworkSettings?.Networks ?? {}) : [];
  const addresses = [
    ...(ready ? readAddresses(summary.Labels) : []),
    ...networks.flatMap(({ IPAddress, GlobalIPv6Address }) => [IPAddress, GlobalIPv6Address]),
  ].filter(Boolean);
  return {
    id: summary.Id,
    pod: identity.pod,
    attempt: identity.attempt,
    state: ready ? 'ready' : 'not-ready',
    createdAtMs: summary.Created * 1000,
    ...recordAddresses(addresses),
    annotations: parseAnnotations(summary.Labels),
  };
}

/** IPv4 comes first. */
export function recordAddresses(addresses: readonly string[]): Pick<SandboxRecord, 'ip' | 'otherIp'> {
  const [ip = '', otherIp] = addresses.toSorted((a, b) => Number(a.includes(':')) - Number(b.includes(':')));
  return { ip, ...(otherIp === undefined ? {} : { otherIp }) };
}

/** undefined: not ours. */
export function parseContainer(details: ContainerDetails): ContainerRecord | undefined {
  const labels = details.Config.Labels ?? {};
  const identity = parseIdentity(labels);
  if (identity === undefined) return undefined;
  const exit = parseExit(details);
  return {
    id: details.Id,
    sandboxId: labels[LABEL.sandboxId] ?? '',
    pod: identity.pod,
    name: identity.name,
    attempt: identity.attempt,
    hash: labels[LABEL.hash] ?? '',
    annotations: parseAnnotations(labels),
    image: labels[LABEL.image] ?? details.Config.Image,
    imageId: details.Image,
    amounts: parseAmounts(details),
    state: stateOf(details, exit),
    createdAtMs: parseTime(details.Created) ?? 0,
    startedAtMs: parseMoment(details.State.StartedAt),
    exit,
  };
}

function parseAmounts({ HostConfig }: ContainerDetails): ContainerAmounts {
  const { CpuShares = 0, CpuQuota = 0, CpuPeriod = 0, Memory = 0 } = HostConfig;
  return { cpuShares: CpuShares, cpuLimitMillis: millisOf(CpuQuota, CpuPeriod), memoryLimitBytes: Memory };
}

/** `SizeRw`: absent where the engine was not asked, or the container wrote nothing. */
export function readWrittenBytes(summary: ContainerSummary): number {
  const bytes: unknown = Reflect.get(summary, 'SizeRw');
  return typeof bytes === 'number' ? bytes : 0;
}

function stateOf({ State }: ContainerDetails, exit: ContainerExit | undefined): ContainerRecord['state'] {
  if (exit !== undefined) return 'exited';
  return State.Running || State.Paused || State.Restarting ? 'running' : 'created';
}

/** A container that could not be started stays in Docker's state `created` with an error: it has ended for us. */
function parseExit(details: ContainerDetails): ContainerExit | undefined {
  const { State } = details;
  if (State.Running || State.Paused || State.Restarting) return undefined;
  const finishedAtMs = parseMoment(State.FinishedAt);
  const neverStarted = parseMoment(State.StartedAt) === undefined;
  const startFailed = neverStarted && (State.Error !== '' || State.ExitCode !== 0);
  if (neverStarted && !startFailed) return undefined;
  const code = startFailed ? START_FAILED_CODE : State.ExitCode;
  return {
    code,
    signal: startFailed ? 0 : signalOf(code),
    finishedAtMs: finishedAtMs ?? parseTime(details.Created) ?? 0,
    oomKilled: State.OOMKilled,
    startFailed,
    message: State.Error,
  };
}

function signalOf(code: number): number {
  return code > SIGNAL_BASE && code <= SIGNAL_BASE + MAX_SIGNAL ? code - SIGNAL_BASE : 0;
}

function parseMoment(text: string): number | undefined {
  return text.startsWith(NEVER_PREFIX) ? undefined : parseTime(text);
}

export function parseImage(details: ImageDetails): ImageRecord {
  return {
    id: details.Id,
    ...readNames(details.RepoTags ?? [], details.RepoDigests ?? []),
    sizeBytes: details.Size,
    operatingSystem: details.Os,
    architecture: normalizeArchitecture(details.Architecture),
    user: details.Config?.User ?? '',
  };
}

/** The list does not tell platform and user; whoever needs them asks for the image's status. */
export function parseImageSummary(summary: ImageSummary): ImageRecord {
  return {
    id: summary.Id,
    ...readNames(
      (summary.RepoTags ?? []).filter((tag) => tag !== '<none>:<none>'),
      (summary.RepoDigests ?? []).filter((digest) => digest !== '<none>@<none>'),
    ),
    sizeBytes: summary.Size,
    operatingSystem: '',
    architecture: '',
    user: '',
  };
}

/** Docker's `/info`, of which every field is checked, as old and new engines differ. */
export function parseInfo(info: Readonly<Record<string, unknown>>): RuntimeInfo {
  const text = (name: string): string => (typeof info[name] === 'string' ? info[name] : '');
  return {
    name: 'docker',
    version: text('ServerVersion'),
    operatingSystem: text('OSType') || 'linux',
    architecture: normalizeArchitecture(text('Architecture')),
    kernelVersion: text('KernelVersion'),
    osImage: text('OperatingSystem'),
    cgroupVersion: text('CgroupVersion') === '2' ? 2 : 1,
    memoryLimits: info['MemoryLimit'] === true,
    cgroupDriver: text('CgroupDriver'),
    storagePath: text('DockerRootDir'),
    appArmor: hasAppArmor(info['SecurityOptions']),
    recursiveReadOnly: Number.parseInt(text('ServerVersion'), 10) >= FIRST_RECURSIVE_VERSION,
  };
}

/** First version of Docker that makes mounts below a read-only one read-only too. */
const FIRST_RECURSIVE_VERSION = 25;

/** `["name=apparmor", "name=seccomp,profile=default"]` */
function hasAppArmor(options: unknown): boolean {
  return Array.isArray(options) && options.some((option) => String(option).split(',').includes('name=apparmor'));
}

/** uname's word for a CPU as Go's, which Kubernetes uses. */
export function normalizeArchitecture(word: string): string {
  const words: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64', armv7l: 'arm', armv6l: 'arm' };
  return words[word] ?? word;
}
