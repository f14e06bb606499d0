/**
 * What the status page's test in test/e2e has no time for: all rules of axe at every size in both schemes, before boards with every
 * trouble and in every dialog; and masters whose page asks for a sign-in, or is closed.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { ensureBundles } from '../../cli/setup/bundles.ts';
import { createTestContext, findFreePorts } from '../support/cluster.ts';
import { createKubectl, type Kubectl, ROOT } from '../support/kubectl.ts';
import { findComplaints, lookOnce } from '../support/status-page/axe.ts';
import { startBrowser, type TestBrowser } from '../support/status-page/browser.ts';
import { type Fleet, startFleet } from '../support/status-page/fleet.ts';
import { BOARDS, TROUBLED, writeFleet } from '../support/status-page/workloads.ts';
import { waitFor } from '../support/wait.ts';

const TIMEOUT_MS = 60_000;
const HUSH = 'nobody-may-read-this';

let browser: TestBrowser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser?.close());

describe('axe, with every trouble', () => {
  let fleet: Fleet;
  let page: Page;
  before(async () => {
    fleet = await startFleet([...BOARDS, ...TROUBLED]);
    await writeFleet(fleet);
    page = await browser.open(fleet.url);
    page.setDefaultTimeout(TIMEOUT_MS);
    await page.locator('.tile').first().waitFor();
  });
  after(async () => {
    await page?.close();
    await fleet?.stop();
  });

  test('each view and all details', async () => {
    const pod = '#/?open=pod/default/camera-6c9f';
    const hashes = [
      ...['#/', '#/workloads', '#/pods', '#/services', '#/events', '#/pods?search=nothing', '#/?trouble=1'],
      ...[
        'board/pi-2',
        'board/pi-lost-6',
        'workload/Deployment/default/web',
        'service/default/web',
        'pod/default/gone',
      ].map((about) => `#/?open=${about}`),
      ...[pod, `${pod}&tab=logs`, `${pod}&tab=placement`, `${pod}&tab=events`, '#/?open=board/pi-2&tab=pods'],
    ];
    assert.deepEqual(await findComplaints(page, hashes, true), []);
  });

  test('signing in, and the question before something is done', async () => {
    await page.evaluate(`location.hash = '#/'`);
    await page.locator('#sign-in').click();
    assert.deepEqual(await lookOnce(page), []);
    await page.locator('#token').fill('admin');
    await page.locator('#sign-in-form button[type=submit]').click();
    await page.locator('#sign-in:text-is("Sign out")').waitFor();
    await page.evaluate(`location.hash = '#/?open=board/pi-2'`);
    await page.locator('[data-action=drain]').click();
    assert.deepEqual(await lookOnce(page), []);
    await page.locator('#confirm-no').click();
  });
});

describe('who may look', () => {
  let folder: string;
  let master: ChildProcess | undefined;
  let statusPort = 0;
  let kubectl: Kubectl;

  before(async () => {
    await ensureBundles(createTestContext(), ['master']);
    folder = await mkdtemp(join(tmpdir(), 'bramble-access-'));
  });
  after(async () => {
    await end();
    await rm(folder, { recursive: true, force: true });
  });

  async function start(access: string): Promise<void> {
    const [apiPort, mqttPort, port = 0] = await findFreePorts(3);
    statusPort = port;
    const ports = ['--api-port', `${apiPort}`, '--mqtt-port', `${mqttPort}`, '--status-port', `${port}`];
    const quiet = ['--mdns', 'off', '--image-lookup', 'off', '--listen', '127.0.0.1'];
    const args = [join(ROOT, 'dist/master.cjs'), '--data-dir', folder, ...ports, ...quiet, '--status-access', access];
    master = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let log = '';
    master.stderr?.on('data', (chunk) => {
      log += chunk;
    });
    await waitFor('the master', () => log.includes('master is ready'), TIMEOUT_MS);
    kubectl = await createKubectl(join(folder, 'admin.kubeconfig'), folder);
  }

  async function end(): Promise<void> {
    const child = master;
    master = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  }

  async function showToken(page: Page, name: string): Promise<void> {
    await page.locator('#token').fill((await kubectl.output(['create', 'token', name])).trim());
    await page.locator('#sign-in-form button[type=submit]').click();
  }

  test('sign-in: nothing before it, nothing for who may not see the cluster, all for who may, and never a Secret', async () => {
    await start('sign-in');
    for (const name of ['nobody', 'viewer']) await kubectl.output(['create', 'serviceaccount', name]);
    const kinds = ['--verb=get,list,watch', '--resource=nodes,pods,events,secrets,configmaps'];
    await kubectl.output(['create', 'clusterrole', 'viewer', ...kinds]);
    await kubectl.output([
      'create',
      'clusterrolebinding',
      'viewer',
      '--clusterrole=viewer',
      '--serviceaccount=default:viewer',
    ]);
    await kubectl.output(['create', 'secret', 'generic', 'hush', `--from-literal=${HUSH}=${HUSH}`]);
    await kubectl.output(['create', 'configmap', 'hush', `--from-literal=${HUSH}=${HUSH}`]);
    const page = await browser.open(`http://127.0.0.1:${statusPort}/`);
    const heard: string[] = [];
    page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => heard.push(String(payload))));
    page.on(
      'response',
      (response) =>
        void response
          .text()
          .then((text) => heard.push(text))
          .catch(() => undefined),
    );
    await page.locator('#sign-in-dialog[open]').waitFor();
    assert.equal(await page.locator('.tile, .reasons li').count(), 0);
    await showToken(page, 'nobody');
    await page.locator('#sign-in-error:has-text("system:serviceaccount:default:nobody may not list nodes")').waitFor();
    await showToken(page, 'viewer');
    await page.locator('#reasons li:has-text("No board has joined yet.")').waitFor();
    await kubectl.output(['label', 'secret', 'hush', 'changed=yes']);
    await kubectl.output(['create', 'service', 'clusterip', 'afterwards', '--tcp=80']);
    await page.evaluate(`location.hash = '#/services'`);
    await page.locator('#service-rows li:has-text("afterwards")').waitFor();
    assert.ok(heard.some((text) => text.includes('afterwards')));
    assert.ok(!heard.some((text) => text.includes(HUSH)));
    await kubectl.output(['delete', 'serviceaccount', 'viewer']);
    await page.locator('#sign-in-dialog[open]').waitFor();
    await page.close();
    await end();
  });

  test('off: nobody listens', async () => {
    await start('off');
    const outcome = await new Promise((resolve) => {
      const socket = connect(statusPort, '127.0.0.1');
      socket.once('connect', () => resolve('open'));
      socket.once('error', (error) => resolve('code' in error ? error.code : String(error)));
    });
    assert.equal(outcome, 'ECONNREFUSED');
    await end();
  });
});
