/** POST of a Binding to the collection `bindings`, as older schedulers do; the pod is named in the body. */
import { BindingSchema } from '../../../shared/api/binding.ts';
import { defined } from '../../../shared/platform/assert.ts';
import { bindingEndpoint } from '../endpoints/binding.ts';
import { servedVirtual, type VirtualResource } from './virtual-resource.ts';

export const bindings: VirtualResource = {
  served: servedVirtual({
    group: '',
    version: 'v1',
    kind: 'Binding',
    plural: 'bindings',
    namespaced: true,
    verbs: ['create'],
  }),
  schema: BindingSchema,
  answer: (services, context) =>
    bindingEndpoint(services, { ...context, kind: defined(services.kindOf('', 'Pod'), 'the kind Pod') }),
};
