/**
 * What a registry asks for before it answers. Source: RFC 9110, section 11.6.1; distribution, "Token Authentication
 * Specification".
 */

export type Challenge =
  | { type: 'basic' }
  | { type: 'bearer'; realm: string; service: string | undefined; scope: string | undefined };

/** `Bearer realm="https://auth.docker.io/token",service="registry.docker.io"`; bearer wins where several are offered. */
export function parseChallenge(header: string): Challenge | undefined {
  const bearer = parametersAfter(header, 'bearer');
  const realm = bearer?.get('realm');
  if (realm !== undefined)
    return { type: 'bearer', realm, service: bearer?.get('service'), scope: bearer?.get('scope') };
  return parametersAfter(header, 'basic') === undefined ? undefined : { type: 'basic' };
}

const PARAMETER = /^[\s,]*([a-zA-Z_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/;

/** undefined: the scheme is not offered. */
function parametersAfter(header: string, scheme: string): Map<string, string> | undefined {
  const start = new RegExp(`(?:^|[\\s,])${scheme}(?=\\s|$)`, 'i').exec(header);
  if (start === null) return undefined;
  const parameters = new Map<string, string>();
  let rest = header.slice(start.index + start[0].length);
  for (let match = PARAMETER.exec(rest); match !== null; match = PARAMETER.exec(rest)) {
    const [all, name = '', quoted, plain = ''] = match;
    parameters.set(name.toLowerCase(), quoted === undefined ? plain : quoted.replaceAll(/\\(.)/g, '$1'));
    rest = rest.slice(all.length);
  }
  return parameters;
}

/** Where to ask for a token. undefined: the realm is no address, or credentials would travel in plain text. */
export function tokenUrl(
  challenge: Extract<Challenge, { type: 'bearer' }>,
  path: string,
  allowHttp: boolean,
): URL | undefined {
  const { realm, service, scope } = challenge;
  if (!URL.canParse(realm)) return undefined;
  const url = new URL(realm);
  if (url.protocol !== 'https:' && !(allowHttp && url.protocol === 'http:')) return undefined;
  if (service !== undefined) url.searchParams.set('service', service);
  url.searchParams.set('scope', scope ?? `repository:${path}:pull`);
  return url;
}
