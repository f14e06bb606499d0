/**
 * IngressClass: who serves the Ingresses of this class. Source: Kubernetes API reference, networking.k8s.io/v1
 * IngressClass.
 */
import type { Static } from 'typebox';
import { ageColumn, defineKind, nameColumn } from '../schema/define-kind.ts';
import { defaulted, object, oneOf, ref, required, str } from '../schema/fields.ts';
import { ObjectMetaSchema } from '../schema/object-meta.ts';
import { KIND_NAMES } from './kind-names.ts';
import { checkIngressClass } from './validation/ingress-class.ts';

export const IngressClassParametersReferenceSchema = object(
  'IngressClassParametersReference',
  'Names an object with settings of the controller',
  {
    apiGroup: str(1, 'group of the object; absent for the core group'),
    kind: required(str(2, 'kind of the object')),
    name: required(str(3, 'name of the object')),
    scope: defaulted(
      oneOf(4, ['Cluster', 'Namespace'], 'whether the object is in a namespace', { default: 'Cluster' }),
    ),
    namespace: str(5, 'namespace of the object'),
  },
);

export const IngressClassSpecSchema = object('IngressClassSpec', 'Who serves', {
  controller: str(1, 'name of the controller, such as example.com/ingress; cannot change'),
  parameters: ref(2, IngressClassParametersReferenceSchema, 'settings of the controller'),
});

export type IngressClassSpec = Static<typeof IngressClassSpecSchema>;

export const IngressClassSchema = object('IngressClass', 'Who serves the Ingresses of this class', {
  apiVersion: defaulted(str(undefined, 'always networking.k8s.io/v1')),
  kind: defaulted(str(undefined, 'always IngressClass')),
  metadata: defaulted(ref(1, ObjectMetaSchema, 'names, labels and versions', { default: {} })),
  spec: defaulted(ref(2, IngressClassSpecSchema, 'who serves', { default: {} })),
});

export type IngressClass = Static<typeof IngressClassSchema>;

export { DEFAULT_INGRESS_CLASS_ANNOTATION } from './ingress-names.ts';

/** `Config.example.com/settings`; `<none>` without parameters. */
function parametersText({ parameters }: IngressClassSpec): string {
  if (parameters === undefined) return '<none>';
  const { apiGroup, kind, name } = parameters;
  return `${kind}${apiGroup ? `.${apiGroup}` : ''}/${name}`;
}

export const IngressClassKind = defineKind<IngressClass>(KIND_NAMES.IngressClass, {
  columns: [
    nameColumn(),
    { name: 'Controller', type: 'string', description: 'who serves', value: ({ spec }) => spec.controller ?? '' },
    {
      name: 'Parameters',
      type: 'string',
      description: 'settings of the controller',
      value: ({ spec }) => parametersText(spec),
    },
    ageColumn(),
  ],
  validate: ({ spec }, old) => checkIngressClass(spec, old?.spec),
  schema: IngressClassSchema,
});
