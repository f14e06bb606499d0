/** Accept headers as clients send them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { negotiate, parseMediaType } from '../../../master/apiserver/request/media-type.ts';

const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';

const ROWS: [accept: string | undefined, as: string, encoding: string][] = [
  [undefined, 'object', 'json'],
  ['', 'object', 'json'],
  ['*/*', 'object', 'json'],
  ['application/json, */*', 'object', 'json'],
  ['application/vnd.kubernetes.protobuf,application/json', 'object', 'json'],
  ['text/html,application/xhtml+xml,*/*;q=0.8', 'object', 'json'],
  ['application/yaml', 'object', 'yaml'],
  [`${TABLE},application/json`, 'table', 'json'],
  ['application/json; as=Table; v=v1beta1; g=meta.k8s.io, application/json', 'object', 'json'],
  ['application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io', 'partial', 'json'],
  ['application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io', 'partial', 'json'],
  ['application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json', 'discovery-v2', 'json'],
];

test('the first form that can be served', () => {
  for (const [accept, as, encoding] of ROWS) assert.deepEqual(negotiate(accept), { as, encoding }, accept);
});

test('nothing that can be served', () => {
  for (const accept of ['image/png', 'application/vnd.kubernetes.protobuf', 'application/json;as=Chart;v=v1;g=x']) {
    assert.throws(() => negotiate(accept), /only the following media types are accepted/);
  }
});

test('parameters are read without spaces and quotes', () => {
  assert.deepEqual(parseMediaType('Application/JSON ; charset="utf-8"'), {
    type: 'application/json',
    parameters: { charset: 'utf-8' },
  });
});
