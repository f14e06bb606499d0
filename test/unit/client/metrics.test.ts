/** Prometheus text: names, labels, buckets; bounded series; what queues count. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Controller } from '../../../shared/client/controller.ts';
import { WorkQueueMetrics } from '../../../shared/client/work-queue-metrics.ts';
import { silentLogger } from '../../../shared/platform/logger.ts';
import { MetricsRegistry } from '../../../shared/platform/metrics.ts';
import { seededRandom } from '../../../shared/platform/random.ts';
import { createVirtualClock } from '../../support/virtual-clock.ts';

describe('a registry', () => {
  it('prints counters, gauges and histograms', () => {
    const registry = new MetricsRegistry();
    const counter = registry.counter('requests_total', 'Requests');
    counter.add({ verb: 'GET', path: 'a"b\\c\nd' });
    counter.add({ verb: 'GET', path: 'a"b\\c\nd' }, 2);
    registry.read('heat_celsius', { help: 'Heat' }, () => [{ labels: { node: 'pi' }, value: 45.5 }]);
    registry.read('silent', { help: 'No sensor' }, () => []);
    const histogram = registry.histogram('took_seconds', 'Time', [0.1, 1]);
    for (const seconds of [0.05, 0.1, 0.5, 7]) histogram.observe({}, seconds);
    assert.deepEqual(registry.render().split('\n'), [
      '# HELP requests_total Requests',
      '# TYPE requests_total counter',
      'requests_total{verb="GET",path="a\\"b\\\\c\\nd"} 3',
      '# HELP heat_celsius Heat',
      '# TYPE heat_celsius gauge',
      'heat_celsius{node="pi"} 45.5',
      '# HELP took_seconds Time',
      '# TYPE took_seconds histogram',
      'took_seconds_bucket{le="0.1"} 2',
      'took_seconds_bucket{le="1"} 3',
      'took_seconds_bucket{le="+Inf"} 4',
      'took_seconds_sum 7.65',
      'took_seconds_count 4',
      '',
    ]);
    assert.equal(counter.total({ verb: 'GET' }), 3);
  });
  it('keeps to its bound whatever the labels are', () => {
    const registry = new MetricsRegistry();
    const counter = registry.counter('c', 'c');
    for (let name = 0; name < 5_000; name += 1) counter.add({ name: String(name) });
    const lines = registry
      .render()
      .split('\n')
      .filter((line) => line.startsWith('c{'));
    assert.equal(lines.length, 2_001);
    assert.equal(lines.at(-1), 'c{name="other"} 3000');
    assert.throws(() => registry.counter('c', 'again'), /is there already/);
  });
});

describe('work queues', () => {
  it('count adds, waits, work and retries by the name of their controller', async () => {
    const [registry, clock] = [new MetricsRegistry(), createVirtualClock()];
    let failures = 1;
    const controller = new Controller({
      ...{ name: 'web', clock, random: seededRandom(1), logger: silentLogger },
      queueMetrics: new WorkQueueMetrics(registry),
      reconcile: async () => {
        failures -= 1;
        if (failures === 0) throw new Error('not yet');
      },
    });
    for (const key of ['a', 'a', 'b']) controller.enqueue(key);
    assert.match(registry.render(), /^workqueue_depth\{name="web"\} 2$/m);
    await controller.start();
    await clock.advance(1_000);
    await controller.stop();
    const text = registry.render();
    const expected = {
      adds_total: 3,
      retries_total: 1,
      queue_duration_seconds_count: 3,
      work_duration_seconds_count: 3,
      depth: 0,
    };
    for (const [name, value] of Object.entries(expected)) {
      assert.match(text, new RegExp(`^workqueue_${name}\\{name="web"\\} ${value}$`, 'm'), name);
    }
  });
});
