/** What keeps a board from being a good node, looked at on the board itself, each with what to do about it. */
import type { Clock } from '../../../shared/platform/clock.ts';
import type { Shell } from '../../../shared/platform/shell.ts';
import { GIT_VERSION } from '../../../shared/platform/version.ts';
import type { ContainerRuntime, RuntimeInfo } from '../../container-runtime/runtime.ts';
import type { Sample } from '../../sensors/sensors.ts';

export interface NodeDoctorOptions {
  runtime: Pick<ContainerRuntime, 'info'>;
  /** The latest reading; undefined before the first. */
  lastSample(): Sample | undefined;
  clock: Clock;
  /** undefined: programs are not looked for. */
  shell: Shell | undefined;
}

export interface Finding {
  name: string;
  /** `warning`: it works, but not well. */
  result: 'fine' | 'warning' | 'problem';
  message: string;
  hint?: string;
}

/** What `bramble doctor` gets of a board. */
export interface NodeReport {
  version: string;
  /** Milliseconds since 1970, by the board. */
  timeMs: number;
  findings: Finding[];
}

/** A card with less than that is full with the next image. */
const LOW_DISK_SHARE = 0.1;

/** Older engines do not know what pods need of them (API 1.41). */
const OLDEST_ENGINE = [20, 10] as const;

const PROGRAMS: readonly (readonly [program: string, argument: string, debianPackage: string])[] = [
  ['nft', '--version', 'nftables'],
  ['ip', '-V', 'iproute2'],
  ['conntrack', '--version', 'conntrack'],
  ['nsenter', '--version', 'util-linux'],
];

export async function examineNode(options: NodeDoctorOptions): Promise<NodeReport> {
  const { runtime, lastSample, clock, shell } = options;
  const engine = await runtime.info().then(
    (info) => [checkEngine(info), checkMemoryLimits(info)],
    (error) => [engineProblem(error)],
  );
  const sample = lastSample();
  const findings = [
    ...engine,
    ...(sample === undefined ? [] : [checkDisk(sample), checkPower(sample)]),
    ...(shell === undefined ? [] : [await checkPrograms(shell)]),
  ];
  return { version: GIT_VERSION, timeMs: clock.nowMs(), findings };
}

function engineProblem(error: unknown): Finding {
  const message = error instanceof Error ? error.message : String(error);
  return { name: 'Docker', result: 'problem', message, hint: 'on the board: sudo systemctl restart docker' };
}

export function checkEngine({ version, operatingSystem, architecture, kernelVersion }: RuntimeInfo): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isOld = major < OLDEST_ENGINE[0] || (major === OLDEST_ENGINE[0] && minor < OLDEST_ENGINE[1]);
  const message = `${version} on ${operatingSystem}/${architecture}, kernel ${kernelVersion}`;
  if (!isOld) return { name: 'Docker', result: 'fine', message };
  const hint = `on the board: sudo apt-get install docker.io (${OLDEST_ENGINE.join('.')} or newer)`;
  return { name: 'Docker', result: 'problem', message: `${version} is too old`, hint };
}

export function checkMemoryLimits({ memoryLimits, cgroupVersion }: RuntimeInfo): Finding {
  if (memoryLimits) return { name: 'Memory limits', result: 'fine', message: `enforced by cgroup v${cgroupVersion}` };
  const hint = 'add cgroup_enable=memory to the one line of /boot/firmware/cmdline.txt, then reboot the board';
  return { name: 'Memory limits', result: 'warning', message: 'the memory cgroup is off', hint };
}

export function checkDisk({ diskAvailableBytes: free, diskTotalBytes: total }: Sample): Finding {
  const percent = total > 0 ? Math.round((free / total) * 100) : 0;
  const message = `${percent} % of ${(total / 1e9).toFixed(0)} GB are free`;
  if (free >= total * LOW_DISK_SHARE) return { name: 'Disk', result: 'fine', message };
  const hint = 'on the board: docker system prune removes images that nothing uses; or a larger card';
  return { name: 'Disk', result: 'warning', message: `only ${message}`, hint };
}

export function checkPower({ underVoltage, throttled, temperatureCelsius }: Sample): Finding {
  const heat = temperatureCelsius === undefined ? '' : `, ${temperatureCelsius.toFixed(0)} °C`;
  if (underVoltage) {
    const hint = 'a stronger power supply, a shorter cable';
    return { name: 'Power', result: 'warning', message: `the supply voltage is too low${heat}`, hint };
  }
  if (throttled) {
    const hint = 'a heat sink, a fan, or a cooler place';
    return { name: 'Power', result: 'warning', message: `the board slows itself down${heat}`, hint };
  }
  return { name: 'Power', result: 'fine', message: `not throttled${heat}` };
}

async function checkPrograms(shell: Shell): Promise<Finding> {
  const results = await Promise.all(PROGRAMS.map(([program, argument]) => shell.run(program, [argument])));
  const missing = PROGRAMS.filter((_, index) => results[index]?.code !== 0).map(([, , name]) => name);
  if (missing.length === 0) return { name: 'Programs', result: 'fine', message: 'all there' };
  const names = [...new Set(missing)].join(' ');
  const hint = `on the board: sudo apt-get install ${names}`;
  return { name: 'Programs', result: 'warning', message: `${names} missing`, hint };
}
