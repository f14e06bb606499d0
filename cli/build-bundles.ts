/**
 * Makes dist/: one CommonJS file a program, the native addon and the agent's seldom used library beside it. What ships to a
 * board and what `bramble up` runs.
 * Why bundles: a master from sources takes some 50 MB more memory, and CommonJS avoids what `import 'node:http'` costs.
 *
 *     node cli/build-bundles.ts [cli] [master] [agent]        all of them unless named
 */
import { copyFile, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { buildPage } from './build-page.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DIST = join(ROOT, 'dist');

const PROGRAMS = { cli: 'cli/main.ts', master: 'master/main.ts', agent: 'node-agent/main.ts' } as const;
type Program = keyof typeof PROGRAMS;

/**
 * Modules that a dependency pulls in for features that Bramble does not use, and what for. They become an object that throws
 * on its first use, so that a wrong guess shows at once.
 */
const UNUSED: Readonly<Record<string, string>> = {
  ssh2: 'docker-modem: an engine over ssh',
  '@grpc/grpc-js': 'dockerode: BuildKit sessions',
  '@grpc/proto-loader': 'dockerode: BuildKit sessions',
  protobufjs: 'dockerode: BuildKit progress',
  '@balena/dockerignore': 'dockerode: building images from a folder',
  'tar-fs': 'dockerode: building images from a folder',
  socks: 'mqtt: SOCKS proxies',
  'worker-timers': 'mqtt: timers of browsers',
  'help-me': 'mqtt: its command line',
  commist: 'mqtt: its command line',
};

/** Optional packages that we do not have: their users try them and go on without. */
const ABSENT = ['bufferutil', 'utf-8-validate', 'supports-color', 'cpu-features'];

function stubUnused(): Plugin {
  return {
    name: 'stub-unused',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: oneOf(Object.keys(UNUSED)) }, ({ path }) => ({ path, namespace: 'unused' }));
      onResolve({ filter: oneOf(ABSENT) }, ({ path }) => ({ path, namespace: 'absent' }));
      onLoad({ filter: /.*/, namespace: 'unused' }, ({ path }) => ({ contents: renderStub(path), loader: 'js' }));
      onLoad({ filter: /.*/, namespace: 'absent' }, ({ path }) => ({ contents: renderAbsence(path), loader: 'js' }));
    },
  };
}

function oneOf(names: readonly string[]): RegExp {
  return new RegExp(`^(${names.map((name) => name.replaceAll(/[/.-]/g, '\\$&')).join('|')})$`);
}

function renderAbsence(name: string): string {
  return `throw Object.assign(new Error(${JSON.stringify(`no ${name} here`)}), { code: 'MODULE_NOT_FOUND' });`;
}

/** Taking the module apart at load time is fine (`const { X } = require(…)`); calling what came out is not. */
function renderStub(name: string): string {
  return `
    const fail = () => { throw new Error(${JSON.stringify(`${name} is not part of this bundle, see cli/build-bundles.ts`)}); };
    const stub = new Proxy(function () {}, {
      get: (target, key) => (key === '__esModule' ? false : key === 'prototype' ? target.prototype : stub),
      apply: fail,
      construct: fail,
    });
    module.exports = stub;`;
}

/**
 * systeminformation answers a hundred questions and we ask six: the text of a bundle stays in memory, used or not.
 * Those that stay are named in node-agent/sensors/system-sensors.ts, with what they load themselves.
 */
const UNUSED_SYSTEM_FACTS = [
  'audio',
  'battery',
  'bluetooth',
  'docker',
  'internet',
  'printer',
  'processes',
  'usb',
  'users',
  'virtualbox',
  'wifi',
];

function withoutUnusedFacts(): Plugin {
  const filter = new RegExp(`systeminformation/lib/(${UNUSED_SYSTEM_FACTS.join('|')})\\.js$`);
  return {
    name: 'without-unused-facts',
    setup({ onLoad }) {
      onLoad({ filter }, ({ path }) => ({ contents: renderStub(basename(path)), loader: 'js' }));
    },
  };
}

/** A new version may say it otherwise: then somebody has to look, as it would cost what leaving it out has saved. */
async function readWithout(path: string, part: string | RegExp): Promise<string> {
  const text = await readFile(path, 'utf8');
  const rest = text.replace(part, '');
  if (rest === text) throw new Error(`${path} no longer has ${part}: see cli/build-bundles.ts`);
  return rest;
}

/**
 * mqtt-packet would make a Buffer for each of the 65,536 packet ids at its first packet: 7 MB for a nanosecond. And it keeps
 * one for each length of a message that it has written: two bytes, and with them the 64 KB of the pool that they are cut from.
 */
const KEPT_LENGTH = 'if (num < 16384) varByteIntCache[num] = buffer';

function withoutNumberCache(): Plugin {
  return {
    name: 'without-number-cache',
    setup({ onLoad }) {
      onLoad({ filter: /mqtt-packet\/writeToStream\.js$/ }, async ({ path }) => ({
        contents: `${await readWithout(path, KEPT_LENGTH)}\nmodule.exports.cacheNumbers = false;`,
        loader: 'js',
      }));
    },
  };
}

/** docker-modem renders each request for a debugger that is not there: a tenth of what a request costs. */
function withoutRequestDump(): Plugin {
  return {
    name: 'without-request-dump',
    setup({ onLoad }) {
      onLoad({ filter: /docker-modem\/lib\/modem\.js$/ }, async ({ path }) => ({
        contents: await readWithout(path, /debug\('Sending: %s', util\.inspect\(options, \{[^}]*\}\)\);/),
        loader: 'js',
      }));
    },
  };
}

/** Copies of Node's own streams, for other Nodes and browsers: three of them, beside those that are in memory already. */
function withNativeStreams(): Plugin {
  return {
    name: 'with-native-streams',
    setup({ onResolve }) {
      onResolve({ filter: /^readable-stream$/ }, () => ({ path: 'node:stream', external: true }));
    },
  };
}

/** A parser of MQTT, one a client, needs a list of buffers and would get a stream around it. */
function withoutParserStreams(): Plugin {
  return {
    name: 'without-parser-streams',
    setup({ onResolve }) {
      onResolve({ filter: /^bl$/ }, ({ importer, resolveDir }) =>
        importer.includes('/mqtt-packet/') ? { path: join(resolveDir, '../bl/BufferList.js') } : undefined,
      );
    },
  };
}

/** What the agent does not use, but the other programs do, and what for. */
const UNUSED_BY_AGENT: Readonly<Record<string, string>> = {
  'lru-cache': "mqtt: a broker's short names of topics, of version 5 of the protocol",
  zlib: 'dockerode: building images from a folder',
};

/** For a developer's terminal: they load terminals and colours, and an agent has none. */
const SILENT = ['debug'];

function leanAgent(): Plugin {
  return {
    name: 'lean-agent',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: oneOf(Object.keys(UNUSED_BY_AGENT)) }, ({ path }) => ({
        path,
        namespace: 'unused-by-agent',
      }));
      onResolve({ filter: oneOf(SILENT) }, ({ path }) => ({ path, namespace: 'silent' }));
      onLoad({ filter: /.*/, namespace: 'unused-by-agent' }, ({ path }) => ({
        contents: renderStub(path),
        loader: 'js',
      }));
      onLoad({ filter: /.*/, namespace: 'silent' }, () => ({ contents: SILENCE, loader: 'js' }));
      // A file of its own, loaded where there is need: the text of a bundle stays in memory, used or not.
      onResolve({ filter: /^systeminformation$/ }, () => ({ path: `./${SYSTEM_FACTS}`, external: true }));
    },
  };
}

/** systeminformation, beside the agent: boards hardly ever need it, as files of /proc and /sys say what they ask. */
const SYSTEM_FACTS = 'systeminformation.cjs';

const SILENCE = 'module.exports = () => Object.assign(() => undefined, { enabled: false });';

/** better-sqlite3 looks for its addon beside its own sources; in a bundle that is beside the bundle. */
function addonBesideBundle(): Plugin {
  return {
    name: 'addon-beside-bundle',
    setup({ onLoad }) {
      onLoad({ filter: /better-sqlite3\/lib\/binding\.js$/ }, () => ({
        contents: `
          const file = require('node:path').join(__dirname, 'better-sqlite3.linux-' + process.arch + '.node');
          exports.getBinding = () => require(file);
          exports.getPrebuildPath = () => file;`,
        loader: 'js',
      }));
    },
  };
}

/**
 * A program's file ends with `await main();`. CommonJS has no await at the top, and with nothing behind it the await does
 * nothing: main has its own catch.
 */
function callMain(): Plugin {
  return {
    name: 'call-main',
    setup({ onLoad }) {
      onLoad({ filter: /\/main\.ts$/ }, async ({ path }) => {
        const source = await readFile(path, 'utf8');
        return { contents: source.replace(/\nawait main\(\);\s*$/, '\nmain();\n'), loader: 'ts' };
      });
    },
  };
}

function buildProgram(program: Program): Promise<void> {
  return buildFile({
    entry: join(ROOT, PROGRAMS[program]),
    outfile: join(DIST, `${program}.cjs`),
    banner: '"use strict";const importMetaUrl=require("node:url").pathToFileURL(__filename).href;',
    plugins: [
      stubUnused(),
      withoutNumberCache(),
      withoutParserStreams(),
      withoutRequestDump(),
      addonBesideBundle(),
      callMain(),
      ...(program === 'cli' ? [] : [withNativeStreams()]),
      ...(program === 'agent' ? [leanAgent()] : []),
    ],
  });
}

function buildSystemFacts(): Promise<void> {
  return buildFile({
    entry: join(ROOT, 'node_modules/systeminformation/lib/index.js'),
    outfile: join(DIST, SYSTEM_FACTS),
    banner: '',
    plugins: [stubUnused(), withoutUnusedFacts()],
  });
}

interface FileToBuild {
  entry: string;
  outfile: string;
  banner: string;
  plugins: Plugin[];
}

async function buildFile({ entry, outfile, banner, plugins }: FileToBuild): Promise<void> {
  // Written beside and renamed: a program that starts meanwhile reads the old file or the new one, never half of one.
  const partial = `${outfile}.${process.pid}.partial`;
  try {
    await build({
      entryPoints: [entry],
      outfile: partial,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      target: 'node24',
      // Names stay, so that a stack trace from a board can be read; white space and syntax are most of the gain.
      minifyWhitespace: true,
      minifySyntax: true,
      legalComments: 'none',
      logLevel: 'warning',
      define: {
        'import.meta.dirname': '__dirname',
        'import.meta.filename': '__filename',
        'import.meta.url': 'importMetaUrl',
        'import.meta.main': 'true',
        // mqtt asks whether it runs in a browser, and Node would load one's navigator to say no.
        navigator: 'undefined',
      },
      banner: { js: banner },
      plugins,
    });
    await rename(partial, outfile);
  } finally {
    await rm(partial, { force: true });
  }
}

async function copyAddons(): Promise<void> {
  for (const arch of ['x64', 'arm64']) {
    const target = join(DIST, `better-sqlite3.linux-${arch}.node`);
    const source = join(ROOT, `node_modules/better-sqlite3/prebuilds/linux-${arch}.node`);
    if (await sameContent(source, target)) continue;
    // A running master has the old file mapped: replace it, never write into it.
    const partial = `${target}.${process.pid}.partial`;
    await copyFile(source, partial);
    await rename(partial, target);
  }
}

async function sameContent(a: string, b: string): Promise<boolean> {
  const [first, second] = await Promise.all([a, b].map((path) => readFile(path).catch(() => undefined)));
  return first !== undefined && second !== undefined && first.equals(second);
}

function isProgram(name: string): name is Program {
  return Object.hasOwn(PROGRAMS, name);
}

const names = process.argv.slice(2);
const wrong = names.filter((name) => !isProgram(name));
if (wrong.length > 0) {
  process.stderr.write(
    `${basename(import.meta.filename)}: no program ${wrong.join(', ')}; there are: ${Object.keys(PROGRAMS).join(', ')}\n`,
  );
  process.exitCode = 64;
} else {
  const chosen = names.length === 0 ? Object.keys(PROGRAMS).filter(isProgram) : names.filter(isProgram);
  await mkdir(DIST, { recursive: true });
  const results = await Promise.allSettled([
    ...chosen.map(buildProgram),
    ...(chosen.includes('agent') ? [buildSystemFacts()] : []),
    ...(chosen.includes('master') ? [copyAddons(), buildPage(join(DIST, 'page'))] : []),
  ]);
  // esbuild has said why.
  if (results.some(({ status }) => status === 'rejected')) process.exitCode = 1;
}
