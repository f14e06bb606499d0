/** `bramble flash`: asks or reads what a board shall be, makes sure that the right card is meant, and writes it. */
import { randomBytes } from 'node:crypto';
import { readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { describeDevice, findRefusal, LSBLK_ARGS, parseLsblk } from '../../firmware-scripts/flash/block-devices.ts';
import { addressOfBoard, BoardNameError, nameBoards } from '../../firmware-scripts/flash/board-names.ts';
import type { SeedContext } from '../../firmware-scripts/flash/boot-file.ts';
import {
  type CardJob,
  type CardReport,
  type CardTools,
  flashCard,
  planFlash,
} from '../../firmware-scripts/flash/flash-card.ts';
import { FlashError, type FlashErrorReason } from '../../firmware-scripts/flash/flash-error.ts';
import { createRunProgram, type RunProgram } from '../../firmware-scripts/flash/programs.ts';
import { type BoardSettings, checkSettings, type RawSettings } from '../../firmware-scripts/flash/settings.ts';
import { ask, askSecret, confirmByTyping } from '../ask.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode, Failure, messageOf } from '../failure.ts';
import { type ResultOptions, writeResult } from '../print/result.ts';
import { createProgress, type Progress } from '../progress.ts';
import { askForSettings } from './flash-questions.ts';

export interface FlashOptions extends ResultOptions {
  image?: string;
  sha256?: string;
  device?: string;
  output?: string;
  role?: string;
  hostname?: string;
  user?: string;
  sshKey?: string[];
  wifiSsid?: string;
  wifiPassword?: string;
  wifiCountry?: string;
  address?: string;
  gateway?: string;
  dns?: string[];
  timezone?: string;
  token?: string;
  master?: string;
  config?: string;
  bundle?: string;
  preload?: string[];
  batch: number;
  dryRun?: boolean;
  yes?: boolean;
  force?: boolean;
}

const EXIT_CODES: Readonly<Record<FlashErrorReason, ExitCode>> = {
  input: EXIT.input,
  refused: EXIT.failed,
  unavailable: EXIT.unavailable,
  write: EXIT.cannotWrite,
};

export async function flash(context: Context, options: FlashOptions): Promise<void> {
  try {
    await flashAll(context, options);
  } catch (error) {
    if (error instanceof FlashError) throw new Failure(EXIT_CODES[error.reason], error.message, error.hint);
    if (error instanceof BoardNameError) throw new Failure(EXIT.usage, error.message);
    throw error;
  }
}

async function flashAll(context: Context, options: FlashOptions): Promise<void> {
  checkTargets(options);
  const progress = createProgress(context.stderr, context.clock);
  const raw = await complete(context, options, await gatherSettings(options));
  const boards = listBoards(raw, options.batch);
  const scripts = await readScripts(context.root);
  for (const [index, settings] of boards.entries()) {
    if (index > 0 && options.device !== undefined && !options.dryRun) await waitForNextCard(context, settings);
    await flashOne({ context, options, progress, settings, scripts });
  }
}

function listBoards(raw: RawSettings, count: number): BoardSettings[] {
  if (raw.hostname === undefined) return [readSettings(raw)];
  return nameBoards(raw.hostname, count).map((hostname, index) =>
    readSettings({ ...raw, hostname, address: addressOfBoard(raw.address, index) }),
  );
}

interface Work {
  context: Context;
  options: FlashOptions;
  progress: Progress;
  settings: BoardSettings;
  scripts: SeedContext['scripts'];
}

async function flashOne({ context, options, progress, settings, scripts }: Work): Promise<void> {
  const run = createRunProgram(context.env['PATH']);
  const tools: CardTools = {
    run,
    step: (title, work) => progress.step(title, work),
    warn: (text) => progress.warn(text),
    signal: context.signal,
  };
  const target = await chooseTarget(context, options, { run, settings, progress });
  const nowMs = context.clock.nowMs();
  const job: CardJob = {
    image: options.image === undefined ? undefined : { path: options.image, sha256: options.sha256?.toLowerCase() },
    ...{ target, settings, scripts, bundle: options.bundle, preload: options.preload ?? [] },
    instanceId: `bramble-${nowMs}-${randomBytes(3).toString('hex')}`,
    flashedAtMs: nowMs,
  };
  if (options.dryRun) {
    const plan = await planFlash(job, tools);
    if (options.json) printPlanAsJson(context, job, plan);
    else printPlan(context, job, plan);
    return;
  }
  const { finding } = await flashCard(job, tools);
  progress.info(`${settings.hostname}: ${finding.system} is ready as ${settings.role} in ${target.path}`);
  const made = { object: `card/${settings.hostname}`, result: 'made', path: target.path, system: finding.system };
  if (options.json) writeResult(context, options, made);
  else context.stdout.write(renderNextSteps(settings));
}

function checkTargets({ image, device, output, batch, dryRun }: FlashOptions): void {
  if ((device === undefined) === (output === undefined) && !(dryRun && image !== undefined)) {
    throw new Failure(EXIT.usage, 'name either a card or a file', '--device /dev/sdX, or --output FILE');
  }
  if (output !== undefined && image === undefined) {
    throw new Failure(
      EXIT.usage,
      '--output needs --image',
      'a card that has its system already is named with --device',
    );
  }
  if (batch > 1 && output !== undefined && !output.includes('%')) {
    throw new Failure(
      EXIT.usage,
      'a batch needs a file for each board',
      "write % where the board's name shall be: --output '%.img'",
    );
  }
}

/** A file's settings, then flags over them. Keys of the file are the flags' names, with or without dashes. */
async function gatherSettings(options: FlashOptions): Promise<RawSettings> {
  const { role, hostname, user, wifiSsid, wifiPassword, wifiCountry, address, gateway, dns, timezone, master } =
    options;
  const flags: RawSettings = {
    ...{ role, hostname, user, wifiSsid, wifiPassword, wifiCountry, address, gateway, dns, timezone, master },
    token: options.token && (await readToken(options.token)),
    sshKey: options.sshKey && (await Promise.all(options.sshKey.map(readSshKey))),
  };
  const given = Object.entries(flags).filter(([, value]) => value !== undefined);
  return { ...(options.config === undefined ? {} : await readConfig(options.config)), ...Object.fromEntries(given) };
}

const CONFIG_KEYS: readonly (keyof RawSettings)[] = [
  ...(['role', 'hostname', 'user', 'sshKey', 'wifiSsid', 'wifiPassword', 'wifiCountry'] as const),
  ...(['address', 'gateway', 'dns', 'timezone', 'token', 'master'] as const),
];

async function readConfig(path: string): Promise<RawSettings> {
  const text = await readFile(path, 'utf8').catch(() => {
    throw new Failure(EXIT.input, `the settings ${path} cannot be read`);
  });
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw new Failure(EXIT.input, `${path} is no YAML: ${messageOf(error).split('\n')[0]}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Failure(EXIT.input, `${path} must hold lines such as 'hostname: kitchen'`);
  }
  const settings: Record<string, string | readonly string[]> = {};
  for (const [name, entry] of Object.entries(value)) {
    const key = CONFIG_KEYS.find((each) => each.toLowerCase() === name.replaceAll(/[-_]/g, '').toLowerCase());
    if (key === undefined)
      throw new Failure(EXIT.input, `${path}: there is no setting '${name}'`, `there are ${CONFIG_KEYS.join(', ')}`);
    settings[key] = Array.isArray(entry) ? entry.map(String) : String(entry);
  }
  return settings;
}

/** A key itself, or the file that holds it. */
async function readSshKey(text: string): Promise<string> {
  if (/^(ssh|ecdsa|sk)-/.test(text)) return text.trim();
  return readFile(text, 'utf8').then(
    (content) => content.trim(),
    () => {
      throw new Failure(
        EXIT.input,
        `there is no SSH key ${text}`,
        'ssh-keygen -t ed25519 makes one; name the file that ends in .pub',
      );
    },
  );
}

/** A token itself, or the file that holds it: command lines are seen by everybody on a machine, and sudo logs them. */
async function readToken(text: string): Promise<string> {
  if (text.startsWith('bramble:')) return text;
  return readFile(text, 'utf8').then(
    (content) => content.trim(),
    () => {
      throw new Failure(
        EXIT.input,
        `there is no file ${text} with a join token`,
        'bramble token create --ttl 7d > token',
      );
    },
  );
}

/** On a terminal what must be known is asked for. */
async function complete(context: Context, options: FlashOptions, raw: RawSettings): Promise<RawSettings> {
  if (options.yes || !context.stderr.isTerminal) return raw;
  return askForSettings(raw, (text, secret) => (secret?.isSecret ? askSecret(context, text) : ask(context, text)));
}

function readSettings(raw: RawSettings): BoardSettings {
  const checked = checkSettings(raw);
  if ('settings' in checked) return checked.settings;
  const lines = checked.complaints.map(({ flag, message }) => `${flag} ${message}`);
  throw new Failure(EXIT.usage, lines.join('\nbramble: '), 'bramble flash --help explains all of them');
}

/** The scripts of the first boot, as they lie in the repository or in an installation. */
async function readScripts(root: string): Promise<Record<string, string>> {
  const scripts: Record<string, string> = {};
  for (const [folder, name] of [
    ['first-boot', 'firstboot.sh'],
    ['first-boot', 'firstrun.sh'],
    ['first-boot', 'dietpi-custom.sh'],
    ['systemd', 'bramble-firstboot.service'],
  ] as const) {
    scripts[name] = await readFile(join(root, 'firmware-scripts', folder, name), 'utf8');
  }
  return scripts;
}

async function chooseTarget(
  context: Context,
  options: FlashOptions,
  { run, settings, progress }: { run: RunProgram; settings: BoardSettings; progress: Progress },
): Promise<CardJob['target']> {
  const { device, output } = options;
  if (device === undefined) return chooseFile(options, (output ?? 'dry-run.img').replaceAll('%', settings.hostname));
  const path = await realpath(device).catch(() => device);
  const { code, stdout } = await run('lsblk', LSBLK_ARGS);
  if (code !== 0) {
    throw new Failure(
      EXIT.unavailable,
      'this system cannot list its disks with lsblk',
      'write to a file with --output, and put that on a card with any flashing program',
    );
  }
  const devices = parseLsblk(stdout.toString());
  const refusal = findRefusal(devices, path);
  if (refusal !== undefined && !(refusal.overridable && options.force))
    throw new Failure(EXIT.failed, refusal.message, refusal.hint);
  const found = devices.find((each) => each.path === path);
  const about = found === undefined ? path : `${path} (${describeDevice(found)})`;
  if (!options.dryRun) {
    const loss =
      options.image === undefined
        ? `The settings on ${about} will be replaced.`
        : `EVERYTHING on ${about} will be erased.`;
    progress.warn(loss);
    if (!options.yes) await confirmByTyping(context, `Type ${path} to go on: `, path);
  }
  return { path, isDevice: true, roomBytes: found?.sizeBytes };
}

async function chooseFile({ yes, dryRun }: FlashOptions, path: string): Promise<CardJob['target']> {
  const exists = await stat(path).then(
    () => true,
    () => false,
  );
  if (exists && !yes && !dryRun)
    throw new Failure(EXIT.cannotWrite, `${path} exists`, 'choose another name, or add --yes to replace it');
  return { path, isDevice: false, roomBytes: undefined };
}

async function waitForNextCard(context: Context, { hostname }: BoardSettings): Promise<void> {
  await ask(context, `Put in the card for ${hostname}, then press Enter. `);
}

function printPlan(context: Context, job: CardJob, { finding, files }: CardReport): void {
  const { stdout } = context;
  stdout.write(`${job.settings.hostname}: ${finding.system}, by ${finding.format}; nothing is written\n`);
  if (job.bundle !== undefined) stdout.write(`--- bramble/bundle.tar.gz: ${job.bundle}\n`);
  for (const [index, path] of job.preload.entries()) stdout.write(`--- bramble/images/${index + 1}.tar: ${path}\n`);
  for (const { path, content, secret } of files) {
    stdout.write(`--- ${path}${secret ? ' (holds secrets, not shown)' : ''}\n${secret ? '' : content}`);
  }
}

/** Files that hold secrets without their contents. */
function printPlanAsJson({ stdout }: Context, job: CardJob, { finding, files }: CardReport): void {
  const shown = files.map(({ path, content, secret }) => (secret ? { path, secret } : { path, content }));
  const more = { bundle: job.bundle, preload: job.preload, files: shown };
  stdout.write(
    `${JSON.stringify({ object: `card/${job.settings.hostname}`, result: 'planned', system: finding.system, ...more })}\n`,
  );
}

function renderNextSteps({ role, hostname, user }: BoardSettings): string {
  const watch = `If it does not come up, put the card into a PC and read bramble/status.txt.\n`;
  if (role === 'agent')
    return `Put the card into ${hostname} and switch it on; \`kubectl get nodes\` shows it in some minutes.\n${watch}`;
  return `Put the card into ${hostname} and switch it on. In some minutes:\n  ssh ${user}@${hostname}.local sudo bramble token create --ttl 7d > token\n  ssh ${user}@${hostname}.local sudo bramble kubeconfig --host ${hostname}.local > kubeconfig\n${watch}`;
}
