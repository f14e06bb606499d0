/**
 * The file behind --scheduler-config: read at the start, and again when it changes or the process gets SIGHUP. What cannot be
 * read then is told and not taken: the settings before it stay in force.
 */
import { type FSWatcher, watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { SchedulerConfiguration } from '../shared/api/scheduler-configuration.ts';
import type { Clock, Timer } from '../shared/platform/clock.ts';
import type { Component } from '../shared/platform/lifecycle.ts';
import type { Logger } from '../shared/platform/logger.ts';
import { OptionsError } from './options.ts';
import { ConfigurationError, parseConfiguration } from './scheduler/configuration/parse-configuration.ts';

export interface SettingsFileOptions {
  /** Absent: nothing is read, the defaults are in force. */
  path?: string;
  clock: Clock;
  logger: Logger;
  onChange(configuration: SchedulerConfiguration): void;
}

export const DEFAULT_CONFIGURATION: SchedulerConfiguration = {
  apiVersion: 'bramble.dev/v1',
  kind: 'SchedulerConfiguration',
};

/** Editors write a file in several steps. */
const QUIET_MS = 200;

/** Throws OptionsError, with a line for each mistake. */
export async function readSettings(path: string | undefined): Promise<SchedulerConfiguration> {
  if (path === undefined) return DEFAULT_CONFIGURATION;
  try {
    return parseConfiguration(await readFile(path, 'utf8'));
  } catch (error) {
    if (error instanceof ConfigurationError) {
      throw new OptionsError(`--scheduler-config ${path}:\n${error.complaints.map((line) => `  ${line}`).join('\n')}`);
    }
    const why = error instanceof Error ? error.message : String(error);
    throw new OptionsError(`--scheduler-config ${path} cannot be read: ${why}`);
  }
}

export class SettingsFile implements Component {
  readonly #options: SettingsFileOptions;
  readonly #onSignal = (): void => this.#lookSoon();
  #watcher: FSWatcher | undefined;
  #timer: Timer | undefined;
  #reading: Promise<void> = Promise.resolve();

  constructor(options: SettingsFileOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { path, logger } = this.#options;
    // Without a file the signal must not end the process either: people send it to all their daemons.
    process.on('SIGHUP', this.#onSignal);
    if (path === undefined) return;
    // The folder, because files are replaced by renaming.
    this.#watcher = watch(dirname(path), (_event, name) => {
      if (name === null || name === basename(path)) this.#lookSoon();
    });
    this.#watcher.on('error', (error) => logger.warn('the settings file is not watched any more', { path, error }));
  }

  async stop(): Promise<void> {
    process.off('SIGHUP', this.#onSignal);
    this.#watcher?.close();
    this.#timer?.cancel();
    await this.#reading;
  }

  #lookSoon(): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(QUIET_MS, () => {
      this.#reading = this.#reading.then(() => this.#read());
    });
  }

  async #read(): Promise<void> {
    const { path, logger, onChange } = this.#options;
    if (path === undefined) return;
    try {
      onChange(await readSettings(path));
      logger.info('the settings were read again', { path });
    } catch (error) {
      logger.error('the settings are wrong, those before stay in force', { path, error });
    }
  }
}
