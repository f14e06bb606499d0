/** The key of a WPA2 network, so that a card carries no password that somebody may use elsewhere too. */
import { pbkdf2Sync } from 'node:crypto';

const ROUNDS = 4_096;
const KEY_BYTES = 32;

/** 64 hexadecimal digits; what is such a key already stays as it is. Source: IEEE 802.11i, annex H.4. */
export function computeWifiKey(ssid: string, password: string): string {
  if (/^[0-9a-fA-F]{64}$/.test(password)) return password.toLowerCase();
  return pbkdf2Sync(password, ssid, ROUNDS, KEY_BYTES, 'sha1').toString('hex');
}
