/**
 * The root certificate publisher: every namespace has a ConfigMap with the certificate by which pods know the API. Source:
 * Kubernetes, "Root CA certificate publisher".
 */
import { type ConfigMap, ConfigMapKind } from '../../shared/api/config-map.ts';
import { Informer } from '../../shared/client/informer.ts';
import { isStatusError } from '../../shared/machinery/errors.ts';
import type { Component } from '../../shared/platform/lifecycle.ts';
import type { Environment, Informers } from './informers.ts';
import { SyncedController } from './synced-controller.ts';

const NAME = 'kube-root-ca.crt';
const KEY = 'ca.crt';

const DESCRIPTION =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the ' +
  'internal service IP or kubernetes.default.svc.';

export interface RootCertificateOptions extends Environment {
  /** PEM. */
  certificate: string;
}

export function createRootCertificatePublisher(options: RootCertificateOptions, { namespaces }: Informers): Component {
  const { client, certificate, ...environment } = options;
  const scope = { fieldSelector: `metadata.name=${NAME}` };
  const published = new Informer<ConfigMap>({ ...environment, client, kind: ConfigMapKind, scope });
  const controller = new SyncedController({
    ...environment,
    name: 'root-certificate',
    informers: [namespaces, published],
    async reconcile(namespace) {
      const present = namespaces.get(namespace);
      if (present === undefined || present.metadata.deletionTimestamp !== undefined) return;
      const known = published.get(`${namespace}/${NAME}`);
      if (known?.data?.[KEY] === certificate && Object.keys(known.data).length === 1) return;
      try {
        if (known === undefined) await client.create(ConfigMapKind, render(namespace, certificate));
        else await client.update(ConfigMapKind, { ...known, data: { [KEY]: certificate } });
      } catch (error) {
        // Made by somebody else a moment ago, or the namespace is on its way out.
        const isSettled = ['AlreadyExists', 'Forbidden', 'NotFound'] as const;
        if (!isSettled.some((reason) => isStatusError(error, reason))) throw error;
      }
    },
  });
  namespaces.onChange((key) => controller.enqueue(key));
  published.onChange((key) => controller.enqueue(key.split('/')[0] ?? ''));
  return {
    async start() {
      await published.start();
      await controller.start();
    },
    async stop() {
      await controller.stop();
      await published.stop();
    },
  };
}

function render(namespace: string, certificate: string) {
  const annotations = { 'kubernetes.io/description': DESCRIPTION };
  return { metadata: { name: NAME, namespace, annotations }, data: { [KEY]: certificate } };
}
