/** The addresses of services on a device of this machine, so that packets to them end here. Source: ip-address(8). */
import type { Shell } from '../../../shared/platform/shell.ts';

export class ServiceAddresses {
  readonly #shell: Shell;
  readonly #device: string;
  #hasDevice = false;

  constructor(shell: Shell, device: string) {
    this.#shell = shell;
    this.#device = device;
  }

  /** Why it cannot be done; undefined: done. Without an address nothing is left on the device. */
  async change(add: readonly string[], remove: readonly string[]): Promise<string | undefined> {
    if (!this.#hasDevice) {
      await this.#shell.run('ip', ['link', 'del', this.#device]);
      // A bridge without ports: every kernel that runs Docker has bridges, not every one has dummy devices.
      const made = await this.#shell.run('ip', ['link', 'add', this.#device, 'type', 'bridge']);
      if (made.code !== 0) return made.stderr.trim();
      await this.#shell.run('ip', ['link', 'set', this.#device, 'up']);
      this.#hasDevice = true;
    }
    const lines = [
      ...remove.map((address) => `addr del ${address}/${bitsOf(address)} dev ${this.#device}`),
      ...add.map((address) => `addr replace ${address}/${bitsOf(address)} dev ${this.#device}`),
    ];
    if (lines.length === 0) return undefined;
    const { code, stderr } = await this.#shell.run('ip', ['-force', '-batch', '-'], `${lines.join('\n')}\n`);
    return code === 0 ? undefined : stderr.trim().split('\n')[0];
  }
}

function bitsOf(address: string): number {
  return address.includes(':') ? 128 : 32;
}
