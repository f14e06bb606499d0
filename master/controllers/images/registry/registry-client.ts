/**
 * Asks registries what an image name means and which platforms there are; never for layers. HEAD requests are not counted as
 * pulls by Docker Hub, manifests are: each is asked for once, by digest, and what comes back is checked against the digest.
 * Source: OCI distribution specification, "Pulling manifests".
 */
import { createHash } from 'node:crypto';
import type { ImagePlatform } from '../../../../shared/machinery/image-platform.ts';
import { familiarRepository, type ImageReference } from '../../../../shared/machinery/image-reference.ts';
import type { PullCredentials } from '../../../../shared/machinery/pull-credentials.ts';
import type { HttpAnswer, HttpFetch, HttpRequest } from './http-fetch.ts';
import { MANIFEST_TYPES, parseConfigPlatform, parseManifest } from './manifest.ts';
import type { AuthorizationHeader, RegistryAuthorization } from './registry-authorization.ts';
import { RegistryError } from './registry-error.ts';

export interface ImageVariant extends ImagePlatform {
  manifestDigest: string;
  /** Digest of the configuration, which is what Docker calls the image's id; a list does not tell it. */
  imageId: string | undefined;
  /** Compressed. */
  sizeBytes: number | undefined;
}

export interface ImageDescription {
  /** Of the manifest, or of the list. */
  digest: string;
  variants: readonly ImageVariant[];
}

/** Every method rejects with RegistryError and nothing else. Credentials are tried in their order. */
export interface RegistryClient {
  /** What the name means now. */
  digestOf(image: ImageReference, credentials: readonly PullCredentials[]): Promise<string>;
  describe(image: ImageReference, digest: string, credentials: readonly PullCredentials[]): Promise<ImageDescription>;
  /** What a list leaves out. */
  completeVariant(
    image: ImageReference,
    variant: ImageVariant,
    credentials: readonly PullCredentials[],
  ): Promise<ImageVariant>;
}

export interface RegistryClientOptions {
  fetch: HttpFetch;
  authorization: RegistryAuthorization;
  /** Hosts that are asked without TLS. Loopback hosts are asked only when they are among these. */
  insecureHosts: ReadonlySet<string>;
  /** PEM of the CA of a host, where the administrator has put one. */
  caOf(host: string): Promise<string | undefined>;
}

const DOCKER_HUB = { name: 'docker.io', host: 'registry-1.docker.io' };
const MAX_REDIRECTS = 3;
const LOOPBACK = /^(localhost|127\.|\[::1\])/;

export function createRegistryClient(options: RegistryClientOptions): RegistryClient {
  return new HttpRegistryClient(options);
}

interface Question {
  image: ImageReference;
  credentials: readonly PullCredentials[];
  method: HttpRequest['method'];
  /** Below the repository: `manifests/latest`, `blobs/sha256:…` */
  what: string;
}

class HttpRegistryClient implements RegistryClient {
  readonly #options: RegistryClientOptions;

  constructor(options: RegistryClientOptions) {
    this.#options = options;
  }

  async digestOf(image: ImageReference, credentials: readonly PullCredentials[]): Promise<string> {
    if (image.digest !== undefined) return image.digest;
    const what = `manifests/${image.tag ?? 'latest'}`;
    const head = await this.#ask({ image, credentials, method: 'HEAD', what });
    const told = head.headers['docker-content-digest'];
    if (told !== undefined && /^sha256:[0-9a-f]{64}$/.test(told)) return told;
    const { body } = await this.#ask({ image, credentials, method: 'GET', what });
    return digestOfBytes(body);
  }

  async describe(
    image: ImageReference,
    digest: string,
    credentials: readonly PullCredentials[],
  ): Promise<ImageDescription> {
    const manifest = parseManifest(await this.#getChecked({ image, credentials }, 'manifests', digest));
    if (manifest.type === 'list') {
      const unknown = { imageId: undefined, sizeBytes: undefined };
      const variants = manifest.variants.map(({ platform, manifestDigest }) => ({
        ...platform,
        manifestDigest,
        ...unknown,
      }));
      return { digest, variants };
    }
    const { configDigest, sizeBytes } = manifest;
    const platform = parseConfigPlatform(await this.#getChecked({ image, credentials }, 'blobs', configDigest));
    return { digest, variants: [{ ...platform, manifestDigest: digest, imageId: configDigest, sizeBytes }] };
  }

  async completeVariant(
    image: ImageReference,
    variant: ImageVariant,
    credentials: readonly PullCredentials[],
  ): Promise<ImageVariant> {
    if (variant.imageId !== undefined) return variant;
    const manifest = parseManifest(await this.#getChecked({ image, credentials }, 'manifests', variant.manifestDigest));
    if (manifest.type === 'list') throw new RegistryError('invalid', 'a manifest list names another list');
    return { ...variant, imageId: manifest.configDigest, sizeBytes: manifest.sizeBytes };
  }

  async #getChecked(
    base: Pick<Question, 'image' | 'credentials'>,
    kind: 'manifests' | 'blobs',
    digest: string,
  ): Promise<Buffer> {
    const { body } = await this.#ask({ ...base, method: 'GET', what: `${kind}/${digest}` });
    if (digest.startsWith('sha256:') && digestOfBytes(body) !== digest) {
      throw new RegistryError('invalid', `registry ${base.image.domain} answered something else than ${digest}`);
    }
    return body;
  }

  /** Tries the credentials one after the other; without any, the registry is asked as anybody. */
  async #ask(question: Question): Promise<HttpAnswer> {
    const identities = question.credentials.length === 0 ? [undefined] : question.credentials;
    for (const identity of identities) {
      const answer = await this.#askAs(question, identity);
      if (answer.status === 401 || answer.status === 403) continue;
      throwForStatus(answer.status, question);
      return answer;
    }
    const what =
      question.credentials.length === 0 ? 'needs credentials, or does not exist' : 'is not given to these credentials';
    throw new RegistryError('unauthorized', `the image ${nameOf(question.image)} ${what}`);
  }

  async #askAs(question: Question, identity: PullCredentials | undefined): Promise<HttpAnswer> {
    const { authorization } = this.#options;
    const url = this.#urlOf(question);
    const { path } = question.image;
    const remembered = authorization.remembered(url, path, identity);
    const first = await this.#fetch(question, url, remembered);
    if (first.status !== 401) return first;
    const allowHttp = url.protocol === 'http:';
    const ca = await this.#options.caOf(question.image.domain);
    const header = await authorization.answer(first, { url, path, identity, allowHttp, ca });
    return header === undefined ? first : this.#fetch(question, url, header);
  }

  /** Blobs lie elsewhere, often: the credentials stay with the registry. */
  async #fetch({ image, method }: Question, url: URL, authorization: AuthorizationHeader): Promise<HttpAnswer> {
    const ca = await this.#options.caOf(image.domain);
    let target = url;
    for (let redirects = 0; ; redirects += 1) {
      const headers = {
        accept: MANIFEST_TYPES,
        'user-agent': 'bramble',
        ...(target.host === url.host ? authorization : {}),
      };
      const answer = await this.#options.fetch({
        method,
        url: target,
        headers,
        ca: target.host === url.host ? ca : undefined,
      });
      const { location } = answer.headers;
      if (answer.status < 300 || answer.status >= 400 || location === undefined) return answer;
      if (redirects >= MAX_REDIRECTS || !URL.canParse(location, target.href)) {
        throw new RegistryError('invalid', `registry ${image.domain} sends in circles`);
      }
      target = checkRedirect(new URL(location, target), url);
    }
  }

  #urlOf({ image: { domain, path }, what }: Question): URL {
    const isInsecure = this.#options.insecureHosts.has(domain);
    if (LOOPBACK.test(domain) && !isInsecure) {
      throw new RegistryError('local', `registry ${domain} is another one on each node`);
    }
    const host = domain === DOCKER_HUB.name ? DOCKER_HUB.host : domain;
    return new URL(`${isInsecure ? 'http' : 'https'}://${host}/v2/${path}/${what}`);
  }
}

/** What came over TLS does not go on without. */
function checkRedirect(target: URL, from: URL): URL {
  if (target.protocol === 'https:' || (target.protocol === 'http:' && from.protocol === 'http:')) return target;
  throw new RegistryError('invalid', `registry ${from.host} sends to an unprotected address`);
}

function throwForStatus(status: number, { image }: Question): void {
  if (status === 200) return;
  const subject = `registry ${image.domain}`;
  if (status === 404) throw new RegistryError('not-found', `${subject} has no image ${nameOf(image)}`);
  if (status === 429) throw new RegistryError('rate-limited', `${subject} says that this network has pulled too often`);
  if (status >= 500) throw new RegistryError('unreachable', `${subject} answers with status ${status}`);
  throw new RegistryError('invalid', `${subject} answers with status ${status}`);
}

function nameOf(image: ImageReference): string {
  const { tag, digest } = image;
  return `${familiarRepository(image)}${digest === undefined ? `:${tag ?? 'latest'}` : `@${digest}`}`;
}

function digestOfBytes(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
