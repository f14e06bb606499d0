/**
 * The status page in a real browser, before a real cluster: every view, live within a second of a kubectl, through a master that
 * is killed, with a thousand pods, on phone and desktop, dark and light, by keyboard, against hostile texts, for screen readers.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { MAX_READS } from '../../../master/status-page/page/requests.ts';
import type { Pod } from '../../../shared/api/pod.ts';
import type { JsonObject } from '../../../shared/machinery/json.ts';
import { startTestCluster, type TestCluster } from '../../support/cluster.ts';
import { TEST_IMAGE } from '../../support/docker.ts';
import { findComplaints } from '../../support/status-page/axe.ts';
import { startBrowser, type TestBrowser } from '../../support/status-page/browser.ts';
import { startCable } from '../../support/status-page/cable.ts';
import { measureScrolling } from '../../support/status-page/frames.ts';
import { askForCertificate, startGuestBoard } from '../../support/status-page/guest-board.ts';
import { startHostilePage } from '../../support/status-page/hostile.ts';
import { HOSTILE, KEEPER, MANIFEST, OPERATOR } from '../../support/status-page/manifest.ts';
import { waitFor } from '../../support/wait.ts';

const TIMEOUT_MS = 60_000;
const PODS = 1_000;

/** What half of the frames may take at most, drawn by the CPU alone, on two cores that do everything else too. */
const MAX_FRAME_MS = 84;

interface PodList {
  items: Pod[];
}

let cluster: TestCluster;
let browser: TestBrowser;
let page: Page;
let url: string;

before(async () => {
  [cluster, browser] = await Promise.all([startTestCluster(), startBrowser()]);
  url = `http://127.0.0.1:${cluster.state.statusPort}/`;
  await kubectl(['apply', '-f', '-'], MANIFEST);
  page = await browser.open(url);
  page.setDefaultTimeout(TIMEOUT_MS);
});

after(async () => {
  await browser?.close();
  await cluster?.stop();
});

async function kubectl(args: readonly string[], stdin?: string): Promise<string> {
  const { code, stdout, stderr } = await cluster.kubectl.run(args, stdin === undefined ? {} : { stdin });
  assert.equal(code, 0, stderr);
  return stdout;
}

async function go(hash: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
}

async function text(selector: string): Promise<string> {
  return (await page.locator(selector).first().textContent()) ?? '';
}

const podRow = (name: string) => page.locator(`#pod-rows li:has-text("${name}")`);

/** Name of a pod of web that runs. */
function nameOfPod(): Promise<string> {
  return waitFor('a pod that runs', async () => (await podsOf('web'))[0], TIMEOUT_MS);
}

/** Names of those that run and are not asked to end. */
async function podsOf(app: string): Promise<string[]> {
  const { items = [] } = (await read(`/api/v1/namespaces/default/pods?labelSelector=app%3D${app}`)) as Partial<PodList>;
  return items
    .filter(({ metadata, status }) => status.phase === 'Running' && metadata.deletionTimestamp === undefined)
    .map(({ metadata }) => metadata.name);
}

/** A token of a service account, from the API. */
async function tokenOf(name: string): Promise<string> {
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
  const path = `/api/v1/namespaces/default/serviceaccounts/${name}/token`;
  const answer = (await cluster.https('POST', path, body)).body as { status?: { token?: string } };
  return answer.status?.token ?? assert.fail('no token');
}

/** In place of whoever is there. */
async function signIn(name: string): Promise<void> {
  const token = await tokenOf(name);
  await go('#/');
  await page.locator('#detail').waitFor({ state: 'hidden' });
  if ((await text('#sign-in')) === 'Sign out') await page.locator('#sign-in').click();
  await page.locator('#sign-in:text-is("Sign in")').click();
  await page.locator('#token').fill(token);
  await page.locator('#sign-in-form button[type=submit]').click();
  await page.locator('#sign-in:text-is("Sign out")').waitFor();
}

/** Opens the details of an entry, which then are headed by its name. */
async function open(about: string): Promise<void> {
  await go(`#/?open=${about}`);
  await page.locator(`#detail-title:text-is("${about.split('/').at(-1)}")`).waitFor();
}

/** Presses the button, says yes to the question, and waits until the page says that it was done. */
async function act(action: string, done: string): Promise<void> {
  await page.locator(`[data-action=${action}]`).click();
  assert.notEqual(await text('#confirm-text'), '', `${action} has a sentence`);
  await page.locator('#confirm-yes').click();
  await page.locator(`#toast:has-text("${done}")`).waitFor();
}

/** What the page's own master answers to whom it has no button for. */
async function tryTo(about: string, action: string): Promise<string> {
  const body = JSON.stringify({ about, action });
  return String(
    await page.evaluate(`fetch('/api/actions', {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: ${JSON.stringify(body)},
    }).then(async (response) => response.status + ' ' + (await response.json()).error)`),
  );
}

/** At the path of an object, by the API. */
async function read(path: string): Promise<JsonObject> {
  const { code, body } = await cluster.https('GET', path);
  return { ...body, code };
}

describe('each view', () => {
  test('the verdict with its reasons, and the board', async () => {
    await page.locator('.tile').first().waitFor();
    await page.locator('#reasons a:has-text("default/too-big")').waitFor();
    await page.locator('#verdict-title:has-text("It works, but look at this")').waitFor();
    const tile = await text('.tile');
    assert.match(tile, /CPU\s*\d+ %\s*RAM\s*\d+ %\s*Disk\s*\d+ %/);
    assert.match(await text('#summary'), /^1 of 1 board ready/);
  });

  test('workloads below the one that made them', async () => {
    await go('#/workloads?search=web');
    await page.locator('#workload-rows li').nth(1).waitFor();
    const rows = await page.locator('#workload-rows li').allInnerTexts();
    assert.match(rows[0] ?? '', /^web\b[\s\S]*Deployment/);
    assert.match(rows[1] ?? '', /web-\w+[\s\S]*ReplicaSet/);
  });

  test('pods, and why one has no board', async () => {
    await go('#/pods?search=too-big');
    await podRow('too-big').waitFor();
    assert.match(await text('#pod-rows li'), /0\/1 nodes are available/);
  });

  test('services and events', async () => {
    await go('#/services?namespace=default');
    await page.locator('#service-rows li:has-text("web")').waitFor();
    await go('#/events?search=FailedScheduling');
    await page.locator('#event-rows li').first().waitFor();
  });

  test('the owner chain and the reasons of the scheduler', async () => {
    await go('#/?open=pod/default/too-big&tab=placement');
    await page.locator('.placement .nodes li').first().waitFor();
    assert.match(await text('.placement'), /fits nowhere[\s\S]*Insufficient memory/i);
    await go(`#/?open=pod/default/${await nameOfPod()}`);
    await page.locator('#detail-facts a:has-text("Deployment web")').waitFor();
  });

  test('a board with its last hours', async () => {
    await go(`#/?open=board/${cluster.nodes[0]}`);
    await page.locator('#detail .charts').waitFor();
    assert.match(await text('#detail-facts'), /Last 24 hours/);
  });
});

test('logs, live and one tap away; markup and colours in them are text', async () => {
  const name = await nameOfPod();
  await go('#/pods?search=web');
  await podRow(name).locator('a.logs').click();
  await page.locator('.line:has-text("tick")').nth(1).waitFor();
  assert.equal(await text('.line span'), `${HOSTILE}red`);
  assert.equal(await page.locator('#detail img').count(), 0);
});

test('a change by kubectl is there within a second, and the age of the data is told', async (context) => {
  await go('#/workloads?search=live-');
  await page.evaluate(`window.seen = {};
  new MutationObserver(() => {
    const text = document.querySelector('#workload-rows').textContent;
    for (const name of ['live-1', 'live-2', 'live-3']) if (text.includes(name)) window.seen[name] ??= Date.now();
  }).observe(document.body, { childList: true, subtree: true, characterData: true })`);
  const delaysMs: number[] = [];
  for (const name of ['live-1', 'live-2', 'live-3']) {
    await kubectl(['create', 'deployment', name, `--image=${TEST_IMAGE}`, '--replicas=0']);
    const madeMs = Date.now();
    const seen = async () => Number(await page.evaluate(`window.seen['${name}'] ?? 0`)) || undefined;
    delaysMs.push((await waitFor(`${name} on the page`, seen)) - madeMs);
  }
  context.diagnostic(`on the page after kubectl had ended: ${delaysMs.join(', ')} ms`);
  const middleMs = delaysMs.toSorted((left, right) => left - right)[1] ?? Number.POSITIVE_INFINITY;
  assert.ok(middleMs < 1_000, `${delaysMs} ms`);
  assert.match(await text('#age-text'), /^live, \d+ s old$/);
});

describe('with rights', () => {
  test('nobody does anything without a token that is known', async () => {
    await go('#/');
    await page.locator('#sign-in').click();
    await page.locator('#token').fill('nonsense');
    await page.locator('#sign-in-form button[type=submit]').click();
    await page.locator('#sign-in-error:not(:empty)').waitFor();
    await page.locator('#sign-in-cancel').click();
    assert.match(await tryTo('workload/Deployment/default/web', 'restart'), /^401 /);
  });

  test('what a person may do is offered, confirmed and done', async () => {
    await signIn(OPERATOR);
    await open('workload/Deployment/default/live-1');
    await page.locator('[data-action=scale]').waitFor();
    assert.deepEqual(await page.locator('#detail-actions button').allInnerTexts(), ['Restart', 'Scale']);
    await page.locator('[data-action=scale]').click();
    await page.locator('#replicas').fill('2');
    await page.locator('#confirm-yes').click();
    await page.locator('#toast:has-text("2 pods")').waitFor();
    assert.equal(await kubectl(['get', 'deployment', 'live-1', '-o', 'jsonpath={.spec.replicas}']), '2');
    assert.equal(await page.evaluate('document.cookie'), '');
  });

  test('a phone that changes its network gets its buttons all the same', async () => {
    await go('#/');
    await page.locator('#detail').waitFor({ state: 'hidden' });
    let broken = 0;
    await page.route('**/api/rights?*', (route) => {
      broken += 1;
      return route.abort('connectionreset');
    });
    await open('workload/Deployment/default/live-1');
    await waitFor('a request that is given up', () => broken >= MAX_READS, TIMEOUT_MS);
    await page.unroute('**/api/rights?*');
    await page.locator('[data-action=scale]').waitFor();
  });

  test('what a person may not do has no button, and is refused by name', async () => {
    const board = `board/${cluster.nodes[0]}`;
    const rights = page.waitForResponse('**/api/rights?*');
    await open(board);
    await (await rights).finished();
    assert.equal(await page.locator('#detail-actions button').count(), 0);
    const refused: [about: string, ...actions: string[]][] = [
      ['workload/Deployment/default/live-1', 'delete'],
      ['workload/Deployment/kube-system/other', 'restart', 'scale'],
      [`pod/default/${await nameOfPod()}`, 'delete'],
      [board, 'cordon', 'uncordon', 'drain', 'reboot'],
      ['request/somebody', 'approve', 'deny'],
    ];
    for (const [about, ...actions] of refused) {
      for (const action of actions) {
        const why = /^403 .*User "system:serviceaccount:default:operator" cannot|^400 a number of pods/;
        assert.match(await tryTo(about, action), why, `${about} ${action}`);
      }
    }
    assert.equal((await read(`/api/v1/nodes/${cluster.nodes[0]}`))['code'], 200);
    await kubectl(['get', 'deployment', 'live-1']);
  });

  test('restart, and a question that is not answered with yes', async () => {
    await signIn(KEEPER);
    const before = await nameOfPod();
    await open('workload/Deployment/default/web');
    await page.locator('[data-action=restart]').click();
    await page.locator('#confirm-no').click();
    const annotations = '{.spec.template.metadata.annotations}';
    assert.equal(await kubectl(['get', 'deployment', 'web', '-o', `jsonpath=${annotations}`]), '');
    await act('restart', 'web is being restarted');
    assert.match(await kubectl(['get', 'deployment', 'web', '-o', `jsonpath=${annotations}`]), /restartedAt/);
    await waitFor('another pod', async () => (await nameOfPod()) !== before, TIMEOUT_MS);
  });

  test('cordon, drain, uncordon', async () => {
    const [node = ''] = cluster.nodes;
    const unschedulable = async () =>
      JSON.stringify((await read(`/api/v1/nodes/${node}`))['spec']).includes('unschedulable');
    await waitFor('one pod', async () => (await podsOf('web')).length === 1, TIMEOUT_MS);
    const before = await nameOfPod();
    await open(`board/${node}`);
    await act('cordon', `${node} takes no new pods.`);
    assert.equal(await kubectl(['get', 'node', node, '-o', 'jsonpath={.spec.unschedulable}']), 'true');
    await page.locator('[data-action=uncordon]').waitFor();
    // With what live-1 has there.
    await act('drain', `${node} takes no new pods, 3 pods leave it.`);
    await waitFor(
      'the pod left',
      async () => (await read(`/api/v1/namespaces/default/pods/${before}`))['code'] === 404,
    );
    await act('uncordon', `${node} takes new pods again.`);
    assert.equal(await unschedulable(), false);
    assert.notEqual(await nameOfPod(), before);
  });

  test('delete, with all that belongs to it', async () => {
    const pod = await nameOfPod();
    await open(`pod/default/${pod}`);
    await act('delete', `${pod} is being deleted`);
    await waitFor('it is gone', async () => (await read(`/api/v1/namespaces/default/pods/${pod}`))['code'] === 404);
    await open('workload/Deployment/default/live-1');
    await page.locator('[data-action=delete]').waitFor();
    assert.deepEqual(await page.locator('#detail-actions button').allInnerTexts(), ['Restart', 'Delete']);
    await act('delete', 'live-1 is being deleted');
    const left = async () => await kubectl(['get', 'deployments,replicasets,pods', '-l', 'app=live-1', '-o', 'name']);
    await waitFor('all of it is gone', async () => (await left()) === '', TIMEOUT_MS);
    await page.locator('#detail-title:has-text("This is not there")').waitFor();
  });

  test('a board is let in, its hardware is told, and it reboots when it is told to', async () => {
    const guest = await startGuestBoard(cluster, 'attic');
    await go('#/');
    await page.locator('#requests a:has-text("attic")').click();
    await act('approve', 'The board is let in.');
    await kubectl(['wait', '--for=condition=Ready', 'node/attic', '--timeout=60s']);
    await go('#/');
    const tile = page.locator('.tile:has-text("attic"):has-text("Under-voltage, throttled")');
    await tile.waitFor();
    const facts = [
      /Raspberry Pi Zero 2 W Rev 1\.0/,
      /41\.0 °C/,
      /limit 80 °C/,
      /Wi-Fi -54 dBm, 80 %/,
      /written/,
      /\d+ %/,
    ];
    for (const fact of facts) assert.match((await tile.textContent()) ?? '', fact);
    assert.match((await tile.locator('.uptime').getAttribute('aria-label')) ?? '', /^Up .* of the last 24 hours/);
    await page.locator('#span label:has-text("7 d")').click();
    await tile.locator('.uptime.week').waitFor();
    await page.locator('#reasons a:has-text("attic gets too little voltage")').waitFor();
    await open('board/attic');
    await act('reboot', 'attic reboots');
    assert.deepEqual(await guest.asked(), ['--no-block --no-wall reboot']);
  });

  test('a board whose owner does not want that is not rebooted, and the page says why', async () => {
    await open(`board/${cluster.nodes[0]}`);
    await page.locator('[data-action=reboot]').click();
    await page.locator('#confirm-yes').click();
    await page.locator('#confirm-error:has-text("runs without --power-control on")').waitFor();
    await page.locator('#confirm-no').click();
  });

  test('a board is turned away', async () => {
    const name = await askForCertificate(cluster, 'stranger');
    await go('#/');
    await page.locator('#requests a:has-text("stranger")').click();
    await act('deny', 'The board is turned away.');
    assert.equal(await kubectl(['get', 'csr', name, '-o', 'jsonpath={.status.conditions[*].type}']), 'Denied');
    await go('#/');
    await page.locator('#requests-card').waitFor({ state: 'hidden' });
    await kubectl(['delete', 'deployment', 'live-2', 'live-3']);
  });
});

test('by keyboard alone', async () => {
  await go('#/');
  await page.locator('#detail').waitFor({ state: 'hidden' });
  await page.evaluate('document.activeElement?.blur()');
  await page.keyboard.press('3');
  await page.locator('#pods:not([hidden])').waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type('too-big');
  await waitFor('one row', async () => (await page.locator('#pod-rows li').count()) === 1);
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.locator('#detail[open]').waitFor();
  assert.match(page.url(), /open=pod\/default\/too-big/);
  await page.keyboard.press('Escape');
  await page.locator('#detail').waitFor({ state: 'hidden' });
  assert.equal(await page.evaluate('document.activeElement?.innerText'), 'too-big');
});

test('axe finds nothing, in every view, on phone and desktop, dark and light; nothing sticks out', async () => {
  const views = ['#/', '#/workloads', '#/pods', '#/services', '#/events', '#/?open=pod/default/too-big'];
  assert.deepEqual(await findComplaints(page, views), []);
});

test('a thousand pods stay smooth', async (context) => {
  await go('#/pods');
  await seedPods();
  await waitFor('all rows', async () => (await page.locator('#pod-rows li').count()) >= PODS, TIMEOUT_MS);
  const { p50Ms, p95Ms } = await measureScrolling(page);
  context.diagnostic(`frames while scrolling ${PODS} pods: p50 ${p50Ms.toFixed(1)} ms, p95 ${p95Ms.toFixed(1)} ms`);
  assert.ok(p50Ms <= MAX_FRAME_MS, `p50 ${p50Ms} ms`);
  const searchMs = Number(
    await page.evaluate(`(() => {
      const input = document.querySelector('#search');
      const startMs = performance.now();
      input.value = 'seed-99';
      input.dispatchEvent(new Event('input', { bubbles: true }));
      return new Promise((resolve) => requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - startMs))));
    })()`),
  );
  context.diagnostic(`a search among them is drawn after ${searchMs.toFixed(0)} ms`);
  await waitFor('eleven rows', async () => (await page.locator('#pod-rows li').count()) === 11);
});

/** Pods that no scheduler looks at: nothing runs, everything is told. */
async function seedPods(): Promise<void> {
  const spec = { schedulerName: 'nobody', containers: [{ name: 'main', image: TEST_IMAGE }] };
  const path = '/api/v1/namespaces/default/pods';
  for (let start = 0; start < PODS; start += 40) {
    const names = Array.from({ length: 40 }, (_, index) => `seed-${start + index}`);
    const body = (name: string) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec });
    const answers = await Promise.all(names.map((name) => cluster.https('POST', path, body(name))));
    assert.deepEqual([...new Set(answers.map(({ code }) => code))], [201]);
  }
}

test('a connection that is lost comes back and goes on where it was', async () => {
  const cable = await startCable(cluster.state.statusPort);
  const other = await browser.open(`http://127.0.0.1:${cable.port}/#/services`);
  try {
    await other.locator('#service-rows li:has-text("web")').waitFor();
    const heard: string[] = [];
    other.on('websocket', (socket) =>
      socket.on('framereceived', ({ payload }) => heard.push(JSON.parse(String(payload)).type)),
    );
    cable.cut();
    await kubectl(['create', 'service', 'clusterip', 'meanwhile', '--tcp=80']);
    await other.locator('#service-rows li:has-text("meanwhile")').waitFor();
    assert.equal(heard[0], 'resume');
    assert.ok(!heard.includes('reset'), heard.join());
  } finally {
    await other.close();
    await cable.stop();
  }
});

test('a master that is killed: the page says that its data is old, and is live again by itself', async () => {
  await go('#/workloads');
  await cluster.kill('master');
  await page.locator('#age[data-state=stale]').waitFor();
  await cluster.start();
  await kubectl(['create', 'deployment', 'afterwards', `--image=${TEST_IMAGE}`, '--replicas=0']);
  await page.locator('#age[data-state=live]').waitFor();
  await page.locator('#workload-rows li:has-text("afterwards")').waitFor();
});

test('hostile names, labels and messages are text', async () => {
  await go('#/events?search=Hostile');
  await page.locator('#event-rows li').first().waitFor();
  assert.equal(await text('#event-rows .message'), HOSTILE);
  assert.equal(await page.locator('main img').count(), 0);
  const hostile = await startHostilePage(HOSTILE);
  const other = await browser.open(`${hostile.url}#/pods`);
  try {
    await other.locator('#pod-rows a').first().click();
    await other.locator('#detail .chip').waitFor();
    assert.equal(await other.locator('#detail-title').textContent(), HOSTILE);
    assert.equal(await other.locator('#detail .chip').textContent(), `${HOSTILE}=${HOSTILE}`);
    assert.equal(await other.locator('main img, dialog img').count(), 0);
  } finally {
    await other.close();
    await hostile.stop();
  }
});

test('nobody else was asked for anything, and the browser had nothing to complain about', () => {
  assert.deepEqual(browser.strangers, []);
  assert.deepEqual(browser.complaints, []);
});
