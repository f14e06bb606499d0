/**
 * docs/pod-spec.md against the facts: it lists exactly the fields of Kubernetes' schemas, what it calls served has a test of
 * that title on real Docker, and what it calls warned of is warned of.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CronJobKind } from '../../../shared/api/cron-job.ts';
import { DeploymentKind } from '../../../shared/api/deployment.ts';
import { PodKind } from '../../../shared/api/pod.ts';
import { podSpecWarnings } from '../../../shared/api/validation/pod-warnings.ts';
import { applySchemaDefaults } from '../../../shared/schema/defaulting.ts';

const ROOT = join(import.meta.dirname, '../../..');
const E2E = join(ROOT, 'test/e2e');

type Schemas = Readonly<Record<string, Readonly<Record<string, string>>>>;
const ORACLE: Schemas = JSON.parse(
  readFileSync(join(import.meta.dirname, 'fixtures/kubernetes-1.35-fields.json'), 'utf8'),
);

interface Row {
  field: string;
  served: string;
  test: string;
  remark: string;
}

/** Names of claims that are made for a pod, not of the pod. */
const ELSEWHERE: ReadonlySet<string> = new Set(['ObjectMeta']);

function readRows(): Row[] {
  let schema = '';
  return readFileSync(join(ROOT, 'docs/pod-spec.md'), 'utf8')
    .split('\n')
    .flatMap((line) => {
      schema = /^### (\w+)$/.exec(line)?.[1] ?? schema;
      const [, field, served = '', test = '', remark = ''] = line.split('|').map((cell) => cell.trim());
      const name = /^`(\w+)`$/.exec(field ?? '')?.[1];
      return name === undefined ? [] : [{ field: `${schema}.${name}`, served, test, remark }];
    });
}

function fieldsBelow(schema: string, found = new Map<string, string[]>()): Map<string, string[]> {
  const fields = ORACLE[schema];
  if (fields === undefined || found.has(schema) || ELSEWHERE.has(schema)) return found;
  const names = Object.keys(fields).filter((name) => name !== '');
  found.set(
    schema,
    names.map((name) => `${schema}.${name}`),
  );
  for (const name of names) fieldsBelow(/^[[{]?(\w+)/.exec(fields[name] ?? '')?.[1] ?? '', found);
  return found;
}

/** `life: title` for each test of test/e2e/pods-life.test.ts. */
function readTitles(): Set<string> {
  const files = readdirSync(E2E).filter((name) => /^pods-.*\.test\.ts$/.test(name));
  const titles = files.flatMap((file) => {
    const suite = file.slice('pods-'.length, -'.test.ts'.length);
    const text = readFileSync(join(E2E, file), 'utf8');
    return [...text.matchAll(/\bit\(\s*(['"])(.+?)\1,/g)].map(([, , title]) => `${suite}: ${title}`);
  });
  return new Set(titles);
}

const ROWS = readRows();
const NOT_SERVED = ROWS.filter(({ served }) => served === 'no');

/** One use of each field that is warned of; volumes are derived. */
const SAMPLES: Readonly<Record<string, object>> = {
  'PodSpec.hostUsers': { hostUsers: false },
  'PodSpec.resourceClaims': { resourceClaims: [{ name: 'gpu', resourceClaimName: 'gpu' }] },
  'PodSpec.workloadRef': { workloadRef: { name: 'gang', podGroup: 'one' } },
  'ResourceRequirements.claims': inContainer({ resources: { claims: [{ name: 'gpu' }] } }),
  'SecurityContext.seLinuxOptions': inContainer({ securityContext: { seLinuxOptions: { level: 's0' } } }),
  'SecurityContext.windowsOptions': inContainer({ securityContext: { windowsOptions: { runAsUserName: 'x' } } }),
  'PodSecurityContext.seLinuxOptions': { securityContext: { seLinuxOptions: { level: 's0' } } },
  'PodSecurityContext.seLinuxChangePolicy': { securityContext: { seLinuxChangePolicy: 'Recursive' } },
  'PodSecurityContext.windowsOptions': { securityContext: { windowsOptions: { runAsUserName: 'x' } } },
  'VolumeProjection.clusterTrustBundle': inProjection({ clusterTrustBundle: { path: 'ca' } }),
  'VolumeProjection.podCertificate': inProjection({ podCertificate: { signerName: 'a/b', keyType: 'ED25519' } }),
  'PersistentVolumeClaimSpec.dataSource': inClaim({ dataSource: { kind: 'PersistentVolumeClaim', name: 'old' } }),
  'PersistentVolumeClaimSpec.dataSourceRef': inClaim({ dataSourceRef: { kind: 'PersistentVolumeClaim', name: 'old' } }),
  'PersistentVolumeClaimSpec.volumeAttributesClassName': inClaim({ volumeAttributesClassName: 'fast' }),
};

function inContainer(over: object): object {
  return { containers: [{ name: 'main', image: 'x', ...over }] };
}

function inProjection(source: object): object {
  return { volumes: [{ name: 'v', projected: { sources: [source] } }] };
}

function inClaim(over: object): object {
  return { volumes: [{ name: 'v', ephemeral: { volumeClaimTemplate: { spec: { accessModes: [], ...over } } } }] };
}

/** As the API server sees it. */
function warningsOf(spec: object): string[] {
  const pod = { metadata: { name: 'p' }, spec: { containers: [{ name: 'main', image: 'x' }], ...spec } };
  applySchemaDefaults(PodKind.schema, pod);
  return podSpecWarnings('spec', Object(pod).spec);
}

test('lists exactly the fields of a pod', () => {
  const wanted = [...fieldsBelow('PodSpec').values()].flat().sort();
  assert.deepEqual(ROWS.map(({ field }) => field).sort(), wanted);
});

test('says of each field whether it is served, and counts them right', () => {
  const count = (word: string) => ROWS.filter(({ served }) => served === word).length;
  const [yes, partly, no] = ['yes', 'partly', 'no'].map(count);
  assert.equal(count('yes') + count('partly') + count('no'), ROWS.length);
  const text = readFileSync(join(ROOT, 'docs/pod-spec.md'), 'utf8').replaceAll(/\s+/g, ' ');
  assert.ok(text.includes(`${ROWS.length} fields, of which ${yes} are served, ${partly} in part, ${no} not`));
});

test('every served field names a test that there is', () => {
  const titles = readTitles();
  for (const { field, served, test: title } of ROWS) {
    if (served !== 'no' || title !== '') assert.ok(titles.has(title), `${field}: no test is called "${title}"`);
  }
});

test('what is served in part has a remark', () => {
  for (const { field, served, remark } of ROWS) if (served === 'partly') assert.notEqual(remark, '', field);
});

test('what is not served is warned of, refused with a test, or a part of what is not served', () => {
  const names = new Set(NOT_SERVED.map(({ field }) => field));
  for (const { field, test: title, remark } of NOT_SERVED) {
    const parent = /^see `([\w.]+)`$/.exec(remark)?.[1];
    if (parent !== undefined) assert.ok(names.has(parent), `${field}: ${parent} is served`);
    else if (remark.startsWith('refused')) assert.notEqual(title, '', field);
    else assert.match(remark, /^warned/, field);
  }
});

test('every field that is said to be warned of is', () => {
  assert.deepEqual(warningsOf({}), []);
  for (const { field } of NOT_SERVED.filter(({ remark }) => remark.startsWith('warned'))) {
    const [schema, name = ''] = field.split('.');
    const sample = schema === 'Volume' ? { volumes: [{ name: 'v', [name]: {} }] } : SAMPLES[field];
    assert.ok(sample, `${field} has no sample`);
    const warnings = warningsOf(sample);
    assert.equal(warnings.length, 1, `${field}: ${warnings}`);
    assert.match(warnings[0] ?? '', new RegExp(`\\.${name}\\b.* (is not served|has no effect)`), field);
  }
});

test('what is served in part is warned of where it is not', () => {
  const unmasked = { securityContext: { procMount: 'Unmasked' } };
  assert.deepEqual(
    [inContainer(unmasked), { volumes: [{ name: 'v', emptyDir: { medium: 'HugePages' } }] }]
      .flatMap(warningsOf)
      .map((warning) => warning.split(/:? /)[0]),
    ['spec.containers[0].securityContext.procMount', 'spec.volumes[0].emptyDir.medium'],
  );
});

test('a workload warns of its pods', () => {
  const template = { spec: { containers: [{ name: 'main', image: 'x' }], hostUsers: false } };
  assert.match(DeploymentKind.warnings?.(Object({ spec: { template } }))[0] ?? '', /^spec\.template\.spec\.hostUsers/);
  const jobTemplate = { spec: { template } };
  assert.match(
    CronJobKind.warnings?.(Object({ spec: { jobTemplate } }))[0] ?? '',
    /^spec\.jobTemplate\.spec\.template/,
  );
});
