/** Tells from the files of a boot partition how the system on the card takes its settings on its first boot. */

export type SeedFormat = 'cloud-init' | 'firstrun' | 'dietpi';

export interface BootPartitionFacts {
  /** Names of the files in the root of the FAT partition; FAT does not tell upper from lower case. */
  names: readonly string[];
  /** Label of the partition, such as `bootfs` or `system-boot`. */
  label: string;
}

export interface SeedFinding {
  format: SeedFormat;
  /** For people. */
  system: string;
  /** Where the running system mounts the partition. */
  bootPath: '/boot/firmware' | '/boot';
}

/** Undefined: none of the systems that this program knows. */
export function recogniseSeedFormat({ names, label }: BootPartitionFacts): SeedFinding | undefined {
  const has = (name: string): boolean => names.some((each) => each.toLowerCase() === name);
  if (has('dietpi.txt')) return { format: 'dietpi', system: 'DietPi', bootPath: '/boot/firmware' };
  if (!has('cmdline.txt')) return undefined;
  if (has('user-data')) {
    const system = label.toLowerCase() === 'system-boot' ? 'Ubuntu for Raspberry Pi' : 'Raspberry Pi OS (cloud-init)';
    return { format: 'cloud-init', system, bootPath: '/boot/firmware' };
  }
  if (has('issue.txt') || has('config.txt')) {
    return { format: 'firstrun', system: 'Raspberry Pi OS (systemd)', bootPath: '/boot/firmware' };
  }
  return undefined;
}
