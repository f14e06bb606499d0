/**
 * What `bramble flash` asks a person at a terminal: what is missing, one question at a time. Whoever has named role, name and
 * token is asked nothing about a network either; a network that was named is asked for what goes with it.
 */
import type { RawSettings } from '../../firmware-scripts/flash/settings.ts';

/** Undefined: an empty line. What is secret is not shown while it is typed. */
export type Question = (text: string, options?: { isSecret: boolean }) => Promise<string | undefined>;

export async function askForSettings(raw: RawSettings, question: Question): Promise<RawSettings> {
  const role = raw.role ?? (await question('Is this board the master, or an agent? [agent] ')) ?? 'agent';
  const hostname = raw.hostname ?? (await question('Name of the board (such as kitchen or node-01): '));
  const needsToken = role === 'agent' && raw.token === undefined;
  const token = needsToken
    ? await question("Join token (the master's `bramble token create` prints one): ")
    : raw.token;
  const isAsked = raw.role === undefined || raw.hostname === undefined || needsToken;
  const wifi = await askForWifi(raw, isAsked, question);
  return { ...raw, role, hostname, token, ...wifi };
}

type Wifi = Pick<RawSettings, 'wifiSsid' | 'wifiPassword' | 'wifiCountry'>;

async function askForWifi(raw: RawSettings, isAsked: boolean, question: Question): Promise<Wifi> {
  const { wifiSsid: named, wifiPassword, wifiCountry } = raw;
  const wifiSsid = named ?? (isAsked ? await question('Wi-Fi network (empty: none, it has a cable): ') : undefined);
  if (wifiSsid === undefined) return { wifiPassword, wifiCountry };
  const isComplete = named !== undefined && wifiCountry !== undefined;
  const country = wifiCountry ?? (await question('Country of the board, for the radio (such as DE): '));
  // A network that was named with its country and without a password is meant to be open.
  const password =
    wifiPassword ??
    (isComplete
      ? undefined
      : await question(`Password of ${wifiSsid} (empty: it is open; not shown): `, { isSecret: true }));
  return { wifiSsid, wifiPassword: password, wifiCountry: country?.toUpperCase() };
}
