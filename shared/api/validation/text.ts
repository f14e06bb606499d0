/**
 * Checks of single texts inside of objects: names of other objects, keys, addresses, relative paths. A required text that is
 * missing has been reported by the schema; here the empty one counts as missing too.
 */
import type { FieldError } from '../../machinery/errors.ts';
import { validateDns1123Label, validateDns1123Subdomain } from '../../machinery/names.ts';
import { complaintsAbout, invalidValue, requiredValue } from './field-error.ts';

type Check = (text: string) => string[];

/** Nothing to say about an absent text, `Required value` for an empty one, otherwise what `check` says. */
export function checkText(field: string, text: string | undefined, check: Check = () => []): FieldError[] {
  if (text === undefined) return [];
  return text === '' ? [requiredValue(field)] : complaintsAbout(field, text, check(text));
}

/** For a text that the schema does not require but its context does. */
export function checkRequiredText(field: string, text: string | undefined, check?: Check): FieldError[] {
  return checkText(field, text ?? '', check);
}

/** An absent or empty text is fine. */
export function checkOptionalText(field: string, text: string | undefined, check: Check): FieldError[] {
  return text ? complaintsAbout(field, text, check(text)) : [];
}

export function checkSubdomain(field: string, text: string | undefined): FieldError[] {
  return checkOptionalText(field, text, validateDns1123Subdomain);
}

export function checkLabel(field: string, text: string | undefined): FieldError[] {
  return checkOptionalText(field, text, validateDns1123Label);
}

/** A path below some directory, which it cannot leave. */
export function checkRelativePath(field: string, path: string | undefined): FieldError[] {
  if (!path) return [];
  if (path.startsWith('/')) return [invalidValue(field, path, 'must be a relative path')];
  return path.split('/').includes('..') ? [invalidValue(field, path, "must not contain '..'")] : [];
}

const IPV4 = /^((25[0-5]|2[0-4]\d|1?\d?\d)(\.(?!$)|$)){4}$/;
const IPV4_PADDED = /(^|\.)0\d/;

/** RFC 791 dotted decimal without leading zeros, or RFC 4291 text. */
export function isIpAddress(text: string): boolean {
  if (IPV4.test(text)) return !IPV4_PADDED.test(text);
  return text.includes(':') && /^[0-9a-fA-F:.]+$/.test(text) && URL.canParse(`http://[${text}]/`);
}

export function checkIpAddress(field: string, text: string | undefined): FieldError[] {
  if (!text || isIpAddress(text)) return [];
  return [invalidValue(field, text, 'must be an IP address, such as 10.9.8.7 or 2001:db8::1')];
}
