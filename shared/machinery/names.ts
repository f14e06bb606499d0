/**
 * What names may look like. Each check returns complaints, none when the name is fine; a complaint is a sentence that
 * follows the field's path: `metadata.name: must …`.
 * Source: Kubernetes, "Object Names and IDs" and "Labels and Selectors"; RFC 1123 and RFC 1035.
 */
const DNS_1123_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const DNS_1123_SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const DNS_1035_LABEL = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const QUALIFIED_PART = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const CONFIG_KEY = /^[-._a-zA-Z0-9]+$/;
/** Kubernetes takes every printable ASCII character but `=` (RelaxedEnvironmentVariableValidation, on since 1.32). */
const ENV_NAME = /^[ -<>-~]+$/;
const PORT_NAME = /^[a-z0-9]([a-z0-9]|-(?!-))*$/;

const MAX_LABEL_CHARS = 63;
const MAX_SUBDOMAIN_CHARS = 253;
const MAX_PORT_NAME_CHARS = 15;

/** One part of a DNS name: a namespace, a container. */
export function validateDns1123Label(name: string): string[] {
  return [
    ...tooLong(name, MAX_LABEL_CHARS),
    ...mismatch(
      name,
      DNS_1123_LABEL,
      "lower-case letters, digits and '-', with a letter or digit at both ends",
      'web-1',
    ),
  ];
}

/** Parts joined by dots: most objects' names. */
export function validateDns1123Subdomain(name: string): string[] {
  const rule = "lower-case letters, digits, '-' and '.', with a letter or digit at both ends of each part";
  return [...tooLong(name, MAX_SUBDOMAIN_CHARS), ...mismatch(name, DNS_1123_SUBDOMAIN, rule, 'web.example')];
}

/** A DNS label that begins with a letter: a Service. */
export function validateDns1035Label(name: string): string[] {
  const rule = "lower-case letters, digits and '-', beginning with a letter, with a letter or digit at the end";
  return [...tooLong(name, MAX_LABEL_CHARS), ...mismatch(name, DNS_1035_LABEL, rule, 'web-1')];
}

/** A label key, an annotation key, a finalizer, a resource name: `name` or `domain/name`. */
export function validateQualifiedName(name: string): string[] {
  const parts = name.split('/');
  if (parts.length > 2) return ["must be a name with at most one prefix and one '/' (such as 'example.com/name')"];
  const [prefix, last = ''] = parts.length === 2 ? parts : [undefined, name];
  return [
    ...(prefix === undefined ? [] : validateDns1123Subdomain(prefix).map((complaint) => `prefix part ${complaint}`)),
    ...namePart(last).map((complaint) => `name part ${complaint}`),
  ];
}

/** The value of a label: empty, or like the name part of its key. */
export function validateLabelValue(value: string): string[] {
  return value === '' ? [] : namePart(value);
}

/** A name that must fit into one segment of a URL path, for kinds with free names (such as Role). */
export function validatePathSegment(name: string): string[] {
  if (name === '.' || name === '..') return [`must not be '${name}'`];
  return ['/', '%'].filter((char) => name.includes(char)).map((char) => `must not contain '${char}'`);
}

/** A key of a ConfigMap or Secret, which becomes a file name. */
export function validateConfigKey(key: string): string[] {
  const complaints = [
    ...tooLong(key, MAX_SUBDOMAIN_CHARS),
    ...mismatch(key, CONFIG_KEY, "letters, digits, '-', '_' and '.'", 'key.name'),
  ];
  return key === '.' || key.startsWith('..') ? [...complaints, "must not be '.' or begin with '..'"] : complaints;
}

/** The name of an environment variable. */
export function validateEnvName(name: string): string[] {
  return mismatch(name, ENV_NAME, "printable ASCII characters other than '='", 'MY_ENV.NAME');
}

/** The name of a port (RFC 6335, section 5.1). */
export function validatePortName(name: string): string[] {
  const rule = "lower-case letters, digits and single '-', with at least one letter and a letter or digit at both ends";
  const fits = PORT_NAME.test(name) && /[a-z]/.test(name) && !name.endsWith('-');
  return [...tooLong(name, MAX_PORT_NAME_CHARS), ...(fits ? [] : [mustBe(rule, 'http-1')])];
}

function namePart(name: string): string[] {
  const rule = "letters, digits, '-', '_' and '.', with a letter or digit at both ends";
  return [...tooLong(name, MAX_LABEL_CHARS), ...mismatch(name, QUALIFIED_PART, rule, 'My_name-1')];
}

function mismatch(text: string, pattern: RegExp, rule: string, example: string): string[] {
  return pattern.test(text) ? [] : [mustBe(rule, example)];
}

function mustBe(rule: string, example: string): string {
  return `must be made of ${rule} (such as '${example}')`;
}

function tooLong(text: string, maxChars: number): string[] {
  return text.length > maxChars ? [`must be no more than ${maxChars} characters`] : [];
}
