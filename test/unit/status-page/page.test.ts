/** The pure parts of the page: addresses, filters, texts, trees; and that all of it stays small. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { buildPage } from '../../../cli/build-page.ts';
import { matches } from '../../../master/status-page/page/filter.ts';
import { clean, renderBytes, renderDuration, renderUptime } from '../../../master/status-page/page/format.ts';
import { HOME, parseRoute, renderRoute } from '../../../master/status-page/page/route.ts';
import { computeTree, ownersOf, podsOf } from '../../../master/status-page/page/tree.ts';
import { computePod } from '../../../master/status-page/views/pod.ts';
import type { WorkloadView } from '../../../master/status-page/views/view-types.ts';
import { computeDeployment } from '../../../master/status-page/views/workload.ts';
import { deployment, pod } from './objects.ts';

const MAX_COMPRESSED_BYTES = 150_000;

test('all files of the page together are less than 150 KB compressed, and ask nobody else for anything', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bramble-page-'));
  try {
    await buildPage(folder);
    const files = await Promise.all(
      ['index.html', 'page.js', 'style.css', 'icon.svg'].map((file) => readFile(join(folder, file))),
    );
    const bytes = files.reduce((sum, file) => sum + gzipSync(file, { level: 9 }).length, 0);
    assert.ok(bytes < MAX_COMPRESSED_BYTES, `${bytes} bytes`);
    const text = Buffer.concat(files)
      .toString()
      .replaceAll(/http:\/\/www\.w3\.org\/[\w/]+/g, '');
    assert.doesNotMatch(text, /https?:\/\/|@import|url\((?!data:)/);
    assert.doesNotMatch(files[0]?.toString() ?? '', /<script(?![^>]*src="\/page\.js")|style=|\bon[a-z]+=/);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

describe('addresses', () => {
  const routes = [
    HOME,
    { ...HOME, view: 'pods' as const, namespace: 'default', search: 'a b&c=1', trouble: true },
    { ...HOME, open: 'pod/default/web-1', tab: 'logs' },
  ];
  for (const route of routes) test(renderRoute(route), () => assert.deepEqual(parseRoute(renderRoute(route)), route));
  test('nonsense is home', () => assert.deepEqual(parseRoute('#/../<script>?view=x'), HOME));
});

describe('filters', () => {
  const item = { namespace: 'default', level: 'ok' as const, text: 'web-1 default Running' };
  const cases: [object, boolean][] = [
    [{}, true],
    [{ search: 'RUNNING web' }, true],
    [{ search: 'web lost' }, false],
    [{ namespace: 'default' }, true],
    [{ namespace: 'other' }, false],
    [{ trouble: true }, false],
  ];
  for (const [route, expected] of cases) {
    test(JSON.stringify(route), () => assert.equal(matches(item, { ...HOME, ...route }), expected));
  }
});

describe('texts', () => {
  test('nothing unseen, no colours, no other direction', () => {
    assert.equal(
      clean('\u001b[31mred\u001b[0m a\u202eb\u0000c\td\u001b]0;title\u0007e'),
      'red a\ufffdb\ufffdc\td\ufffde',
    );
    assert.equal(clean('<b>&amp;'), '<b>&amp;');
  });
  test('bytes', () =>
    assert.deepEqual([999, 1_500, 15_000_000, 2e12].map(renderBytes), ['999 B', '1.5 kB', '15 MB', '2.0 TB']));
  test('durations', () => {
    assert.deepEqual([5_000, 300_000, 10_000_000, 200_000_000].map(renderDuration), ['5 s', '5 min', '2 h', '2 d']);
  });
  test('uptime is 100 % only when it is', () => {
    assert.deepEqual([1, 0.99999, 0.5, undefined].map(renderUptime), ['100 %', '99.99 %', '50.00 %', 'not known yet']);
  });
});

describe('owner chains', () => {
  const make = (kind: string, name: string, owner?: string): WorkloadView => ({
    ...computeDeployment(deployment(2)),
    ...{ kind, name, owner },
  });
  const key = (kind: string, name: string): string => `workload/${kind}/default/${name}`;
  const workloads = new Map([
    [key('ReplicaSet', 'web-1'), make('ReplicaSet', 'web-1', key('Deployment', 'web'))],
    [key('Deployment', 'web'), make('Deployment', 'web')],
    [key('Job', 'lone'), make('Job', 'lone', key('CronJob', 'gone'))],
    [key('Job', 'a'), make('Job', 'a', key('Job', 'b'))],
    [key('Job', 'b'), make('Job', 'b', key('Job', 'a'))],
  ]);
  test('below their owners; one whose owner is gone is a root, a circle is nowhere', () => {
    const tree = computeTree(workloads, () => true).map(([, { workload, depth }]) => `${depth} ${workload.name}`);
    assert.deepEqual(tree, ['0 lone', '0 web', '1 web-1']);
  });
  test('what fits brings its owners', () => {
    const tree = computeTree(workloads, ({ name }) => name === 'web-1').map(([, { workload }]) => workload.name);
    assert.deepEqual(tree, ['web', 'web-1']);
  });
  test('pods of all that a workload made', () => {
    const owned = { ...computePod(pod('web-1-x')), owner: key('ReplicaSet', 'web-1') };
    const pods = new Map([['pod/default/web-1-x', owned]]);
    assert.equal(podsOf(key('Deployment', 'web'), workloads, pods).length, 1);
    assert.equal(podsOf(key('Job', 'lone'), workloads, pods).length, 0);
    assert.deepEqual(
      ownersOf(owned.owner, workloads).map(([, { kind }]) => kind),
      ['Deployment', 'ReplicaSet'],
    );
  });
});
