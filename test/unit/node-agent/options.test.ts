/** The agent's flags, and complaints that say what to do. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OptionsError, parseAgentFlags } from '../../../node-agent/options.ts';

const HERE = { env: {}, hostname: 'Pi-1' };

describe('parseAgentFlags', () => {
  it('has defaults for everything', () => {
    assert.deepEqual(parseAgentFlags([], HERE), {
      dataDir: '/var/lib/bramble',
      join: undefined,
      joinFile: undefined,
      master: { host: '127.0.0.1', port: 8883 },
      name: 'pi-1',
      dockerSocket: '/run/docker.sock',
      nodeIp: undefined,
      isMasterNamed: false,
      mdns: true,
      peerPort: 7443,
      ingressPorts: { http: 80, https: 443 },
      peerLimitBytesPerSecond: 0,
      network: true,
      networkTag: '',
      proxy: 'auto',
      uninstall: false,
      sensorsRoot: '',
      powerControl: false,
      clusterDns: { servers: [], domain: 'cluster.local' },
      devicesConfig: undefined,
      eviction: { hard: new Map(), minimumReclaim: new Map() },
      shutdown: { gracePeriodSeconds: 30, criticalPodsSeconds: 10 },
      logLevel: 'info',
      logFormat: 'text',
    });
  });
  it('divides the time that pods get when the board is switched off', () => {
    const timesOf = (...args: string[]) => {
      const flags = parseAgentFlags(args, HERE);
      return flags === 'help' ? {} : Object.values(flags.shutdown);
    };
    assert.deepEqual(timesOf('--shutdown-grace-seconds', '60', '--shutdown-critical-seconds', '20'), [60, 20]);
    assert.deepEqual(timesOf('--shutdown-grace-seconds', '5'), [5, 5]);
    assert.deepEqual(timesOf('--shutdown-grace-seconds', '0'), [0, 0]);
    assert.throws(() => timesOf('--shutdown-critical-seconds', '31'), OptionsError);
    assert.throws(() => timesOf('--shutdown-grace-seconds', 'soon'), OptionsError);
  });
  it('takes the data directory from the environment, the flag first', () => {
    const there = { ...HERE, env: { BRAMBLE_DATA_DIR: '/env' } };
    const dataDirOf = (args: string[]) => {
      const flags = parseAgentFlags(args, there);
      return flags === 'help' ? '' : flags.dataDir;
    };
    assert.deepEqual([dataDirOf([]), dataDirOf(['--data-dir', '/flag'])], ['/env', '/flag']);
  });
  it('takes Docker sockets as Docker writes them', () => {
    const flags = parseAgentFlags(['--docker', 'unix:///x.sock'], HERE);
    assert.equal(flags === 'help' ? '' : flags.dockerSocket, '/x.sock');
  });
  it('helps', () => assert.equal(parseAgentFlags(['--help'], HERE), 'help'));
  const complaints: [string[], string, RegExp][] = [
    [['--nmae', 'x'], 'Pi-1', /--help lists the flags/],
    [['--name', 'Pi 1'], 'Pi-1', /--name 'Pi 1' is no node name/],
    [[], '_', /this machine's host name gives '-'.*--name/],
    [['--mqtt-port', 'x'], 'Pi-1', /--mqtt-port takes a port number/],
    [['--peer-port', 'x'], 'Pi-1', /--peer-port takes a port number/],
    [['--peer-limit', 'fast'], 'Pi-1', /--peer-limit takes bytes a second/],
    [['--log-level', 'loud'], 'Pi-1', /--log-level takes one of debug, info/],
  ];
  for (const [args, hostname, message] of complaints) {
    it(`complains of ${args.join(' ') || hostname}`, () => {
      assert.throws(
        () => parseAgentFlags(args, { env: {}, hostname }),
        (error) => error instanceof OptionsError && message.test(error.message),
      );
    });
  }
});
