import { type BaselineSample, type MemoryReading, slopePerMinute } from './baseline-series.ts';
import { addLevel, type Metrics, type Watched } from './baseline-watched.ts';
import { figure } from './figure.ts';
import { increase, labelValues, sumOf, type Where } from './exposition.ts';

/** Reads a gauge of a sample. */
export function gauge(name: string, where?: Where): (sample: BaselineSample) => number | undefined {
  return ({ service }) => sumOf(service.metrics, name, where);
}

function fragmentation(used: number | undefined, total: number | undefined): number | undefined {
  return used === undefined || total === undefined || total === 0 ? undefined : 1 - used / total;
}

function addHeap(metrics: Metrics, watched: Watched): void {
  const spaces = labelValues(
    watched.whole[1].service.metrics,
    'nodejs_heap_space_size_total_bytes',
    'space',
  );
  for (const [prefix, series, where] of [
    ['heap', 'nodejs_heap_size', undefined],
    ...spaces.map((space) => [`heap.${space}`, 'nodejs_heap_space_size', { space }] as const),
  ] as const) {
    const used = gauge(`${series}_used_bytes`, where);
    const total = gauge(`${series}_total_bytes`, where);
    addLevel(metrics, watched, `${prefix}.usedBytes`, { unit: 'bytes', of: used });
    addLevel(metrics, watched, `${prefix}.committedBytes`, { unit: 'bytes', of: total });
    addLevel(metrics, watched, `${prefix}.fragmentation`, {
      unit: 'ratio',
      of: (one) => fragmentation(used(one), total(one)),
    });
  }
}

/** The gateway, its processes, its heap by space (S3-13), and what lies outside of the heap (S3-12). */
export function addMemory(metrics: Metrics, watched: Watched): void {
  const atMs = watched.samples.map(({ service }) => service.atMs);
  const level = (name: string, of: (one: BaselineSample) => number | undefined): void =>
    addLevel(metrics, watched, name, { unit: 'bytes', of });
  level('gateway.rssBytes', (one) => one.memory.gatewayRssBytes ?? gaugedRss(one));
  level('gateway.pssBytes', ({ memory }) => memory.gatewayPssBytes);
  level('processes.pssBytes', ({ memory }) => pssOf(memory));
  level('total.pssBytes', ({ memory }) => {
    const own = memory.gatewayPssBytes;
    const others = pssOf(memory);
    return own === undefined || others === undefined ? undefined : own + others;
  });
  for (const [name, series] of [
    ['external', 'nodejs_external_memory_bytes'],
    ['arrayBuffers', 'mcp_memory_array_buffers_bytes'],
  ] as const) {
    level(`${name}.bytes`, gauge(series));
    const value = figure(slopePerMinute(watched.samples.map(gauge(series)), atMs));
    metrics.set(`${name}.growth`, { value, unit: 'bytesPerMinute' });
  }
  addHeap(metrics, watched);
  const [first, last] = watched.whole;
  const kills = last.memory.oomKills;
  const value = figure(kills === undefined ? undefined : increase(first.memory.oomKills, kills));
  metrics.set('oom.kills', { value, unit: 'count' });
}

const gaugedRss = gauge('process_resident_memory_bytes');

/** No process at all is no memory; one that cannot be read makes the sum unknown. */
function pssOf({ connectors }: MemoryReading): number | undefined {
  let sum = 0;
  for (const { pssBytes } of connectors.values()) {
    if (pssBytes === undefined) return undefined;
    sum += pssBytes;
  }
  return sum;
}
