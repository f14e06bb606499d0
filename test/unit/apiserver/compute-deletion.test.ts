/** What a delete makes of an object: a table of pods, finalizers and policies. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { computeDeletion, type Deletion } from '../../../master/apiserver/registry/compute-deletion.ts';
import type { ApiObject } from '../../../master/apiserver/storage/api-object.ts';
import { ConfigMapKind } from '../../../shared/api/config-map.ts';
import { PodKind } from '../../../shared/api/pod.ts';
import type { Kind } from '../../../shared/schema/define-kind.ts';
import type { ObjectMeta } from '../../../shared/schema/object-meta.ts';

const NOW_MS = Date.parse('2026-01-01T00:00:00Z');

function object(kind: Kind, metadata: Partial<ObjectMeta>, parts: object = {}): ApiObject {
  const names = { name: 'x', uid: 'u', resourceVersion: '5', creationTimestamp: '2025-01-01T00:00:00Z' };
  return { apiVersion: 'v1', kind: kind.kind, metadata: { ...names, ...metadata }, ...parts };
}

function deletion(changes: Partial<Deletion> = {}): Deletion {
  return {
    gracePeriodSeconds: undefined,
    propagationPolicy: undefined,
    preconditions: { uid: '', resourceVersion: '' },
    dryRun: false,
    nowMs: NOW_MS,
    now: '2026-01-01T00:00:00Z',
    ...changes,
  };
}

const running = { spec: { nodeName: 'n1', terminationGracePeriodSeconds: 30 }, status: { phase: 'Running' } };
const marked = { deletionTimestamp: '2026-01-01T00:00:30Z', deletionGracePeriodSeconds: 30 };

interface Row {
  what: string;
  kind: Kind;
  metadata?: Partial<ObjectMeta>;
  parts?: object;
  options?: Partial<Deletion>;
  expected: 'remove' | { at: string | undefined; grace: number | undefined; finalizers?: string[] };
}

const ROWS: Row[] = [
  { what: 'a plain object', kind: ConfigMapKind, expected: 'remove' },
  { what: 'grace is for pods', kind: ConfigMapKind, options: { gracePeriodSeconds: 30 }, expected: 'remove' },
  {
    what: 'a finalizer',
    kind: ConfigMapKind,
    metadata: { finalizers: ['a/b'] },
    expected: { at: '2026-01-01T00:00:00Z', grace: 0, finalizers: ['a/b'] },
  },
  {
    what: 'foreground replaces orphan',
    kind: ConfigMapKind,
    metadata: { finalizers: ['orphan', 'a/b'] },
    options: { propagationPolicy: 'Foreground' },
    expected: { at: '2026-01-01T00:00:00Z', grace: 0, finalizers: ['a/b', 'foregroundDeletion'] },
  },
  {
    what: 'background takes both away',
    kind: ConfigMapKind,
    metadata: { finalizers: ['orphan', 'foregroundDeletion'] },
    options: { propagationPolicy: 'Background' },
    expected: 'remove',
  },
  { what: 'a running pod', kind: PodKind, parts: running, expected: { at: '2026-01-01T00:00:30Z', grace: 30 } },
  {
    what: 'a pod without a node',
    kind: PodKind,
    parts: { spec: {}, status: { phase: 'Pending' } },
    expected: 'remove',
  },
  {
    what: 'a pod that has ended',
    kind: PodKind,
    parts: { ...running, status: { phase: 'Failed' } },
    expected: 'remove',
  },
  { what: 'by force', kind: PodKind, parts: running, options: { gracePeriodSeconds: 0 }, expected: 'remove' },
  {
    what: 'a negative grace is one second',
    kind: PodKind,
    parts: running,
    options: { gracePeriodSeconds: -1 },
    expected: { at: '2026-01-01T00:00:01Z', grace: 1 },
  },
  {
    what: 'a second delete without a wish',
    kind: PodKind,
    metadata: marked,
    parts: running,
    expected: { at: '2026-01-01T00:00:30Z', grace: 30 },
  },
  {
    what: 'a second delete may shorten',
    kind: PodKind,
    metadata: marked,
    parts: running,
    options: { gracePeriodSeconds: 10 },
    expected: { at: '2026-01-01T00:00:10Z', grace: 10 },
  },
  {
    what: 'and not lengthen',
    kind: PodKind,
    metadata: marked,
    parts: running,
    options: { gracePeriodSeconds: 90 },
    expected: { at: '2026-01-01T00:00:30Z', grace: 30 },
  },
  {
    what: 'the kubelet’s last word waits for finalizers',
    kind: PodKind,
    metadata: { ...marked, finalizers: ['a/b'] },
    parts: running,
    options: { gracePeriodSeconds: 0 },
    expected: { at: '2026-01-01T00:00:00Z', grace: 0, finalizers: ['a/b'] },
  },
];

test('what becomes of an object', () => {
  for (const { what, kind, metadata = {}, parts = {}, options = {}, expected } of ROWS) {
    const next = computeDeletion(kind, object(kind, metadata, parts), deletion(options));
    if (expected === 'remove') {
      assert.equal(next.action, 'remove', what);
      continue;
    }
    assert.ok(next.action === 'put', what);
    const { deletionTimestamp, deletionGracePeriodSeconds, finalizers } = next.object.metadata;
    assert.deepEqual(
      { at: deletionTimestamp, grace: deletionGracePeriodSeconds, finalizers },
      { finalizers: undefined, ...expected },
      what,
    );
  }
});
