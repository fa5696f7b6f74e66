import { readFile, readdir } from 'node:fs/promises';
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';
import { Counter, Gauge, type Registry } from 'prom-client';
import { readMemoryRoom } from './memory-room.ts';

/** A number that may not be known on this platform; then there is no sample. */
type Read = () => number | undefined | Promise<number | undefined>;

async function openDescriptors(): Promise<number | undefined> {
  try {
    // Less the one that reads the folder.
    return (await readdir('/proc/self/fd')).length - 1;
  } catch {
    // No procfs: the metric has no sample.
    return undefined;
  }
}

async function maxDescriptors(): Promise<number | undefined> {
  try {
    const limits = await readFile('/proc/self/limits', 'utf8');
    const soft = /^Max open files +(\d+)/m.exec(limits)?.[1];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    // No procfs: the metric has no sample.
    return undefined;
  }
}

function gauge(registry: Registry, name: string, help: string, read: Read): void {
  const metric: Gauge = new Gauge({
    name,
    help,
    registers: [],
    async collect() {
      const value = await read();
      if (value === undefined) this.remove();
      else this.set(value);
    },
  });
  registry.registerMetric(metric);
}

function cpuCounter(
  registry: Registry,
  kind: '' | 'user_' | 'system_',
  read: (usage: NodeJS.CpuUsage) => number,
): void {
  const metric: Counter = new Counter({
    name: `process_cpu_${kind}seconds_total`,
    help: `${{ '': 'User and system', user_: 'User', system_: 'System' }[kind]} CPU time of this process.`,
    registers: [],
    collect() {
      // The system counts; this is what it has counted since the process began.
      this.reset();
      this.inc(read(process.cpuUsage()) / 1e6);
    },
  });
  registry.registerMetric(metric);
}

/**
 * Registers what Prometheus expects of every process, and Node's memory, under the names `collectDefaultMetrics` of
 * prom-client gives them. That function is not used: each call starts an observer and a timer that nothing ends, and
 * CPU time before the call is missing from its counters.
 * @param nodeOptions `NODE_OPTIONS` of this process.
 */
export function registerProcessMetrics(registry: Registry, nodeOptions: string = ''): void {
  const startedAtS = Math.round(Date.now() / 1000 - process.uptime());
  cpuCounter(registry, '', ({ user, system }) => user + system);
  cpuCounter(registry, 'user_', ({ user }) => user);
  cpuCounter(registry, 'system_', ({ system }) => system);
  const add = (name: string, help: string, read: Read): void => gauge(registry, name, help, read);
  add('process_start_time_seconds', 'When this process began.', () => startedAtS);
  add('process_resident_memory_bytes', 'Resident memory of this process.', () =>
    process.memoryUsage.rss(),
  );
  add('process_open_fds', 'Open file descriptors.', openDescriptors);
  add('process_max_fds', 'The most file descriptors that may be open.', maxDescriptors);
  add('nodejs_heap_size_total_bytes', 'Heap taken from the system.', () => memory().heapTotal);
  add('nodejs_heap_size_used_bytes', 'Heap in use.', () => memory().heapUsed);
  add(
    'nodejs_external_memory_bytes',
    'Memory of objects outside the heap.',
    () => memory().external,
  );
  add(
    'mcp_memory_array_buffers_bytes',
    'The part of external memory that buffers of data take (S3-12).',
    () => memory().arrayBuffers,
  );
  heapSpaces(registry);
  add(
    'nodejs_heap_size_limit_bytes',
    'The most heap that may be taken.',
    () => getHeapStatistics().heap_size_limit,
  );
  addLimits(add, `${nodeOptions} ${process.execArgv.join(' ')}`);
  const resources: Gauge<'type'> = new Gauge({
    name: 'nodejs_active_resources',
    help: 'What keeps the event loop alive, by type.',
    labelNames: ['type'],
    registers: [],
    collect() {
      this.reset();
      for (const type of process.getActiveResourcesInfo()) this.inc({ type });
    },
  });
  registry.registerMetric(resources);
  new Gauge({
    name: 'nodejs_version_info',
    help: 'The version of Node; always 1.',
    labelNames: ['version'],
    registers: [registry],
  }).set({ version: process.version }, 1);
}

/** @param flags what the engine was told. */
function addLimits(add: (name: string, help: string, read: Read) => void, flags: string): void {
  let reading: ReturnType<typeof readMemoryRoom> | undefined;
  // Both gauges of a scrape are of one reading.
  const room = async (): ReturnType<typeof readMemoryRoom> =>
    await (reading ??= readMemoryRoom().finally(() => (reading = undefined)));
  add(
    'mcp_memory_heap_limit_bytes',
    'Heap that may be kept, new objects left out; the process ends when it needs more.',
    () => keptHeapLimit(flags),
  );
  add(
    'mcp_memory_limit_bytes',
    'Memory that may be taken: by the processes of the cgroup, else by all of the machine.',
    async () => (await room()).limitBytes,
  );
  add(
    'mcp_memory_used_bytes',
    'The part of it that is taken, processes of connectors included.',
    async () => (await room()).usedBytes,
  );
}

/** What is committed and not used is fragmentation, or room for what comes (S3-13). */
function heapSpaces(registry: Registry): void {
  const space = (what: 'total' | 'used', help: string): void => {
    const metric: Gauge<'space'> = new Gauge({
      name: `nodejs_heap_space_size_${what}_bytes`,
      help,
      labelNames: ['space'],
      registers: [],
      collect() {
        for (const { space_name, space_size, space_used_size } of getHeapSpaceStatistics()) {
          const size = what === 'total' ? space_size : space_used_size;
          this.set({ space: space_name.replace(/_space$/, '') }, size);
        }
      },
    });
    registry.registerMetric(metric);
  };
  space('total', 'Heap taken from the system, by space of the engine.');
  space('used', 'Heap in use, by space of the engine.');
}

function memory(): NodeJS.MemoryUsage {
  return process.memoryUsage();
}

const OLD_SPACE = /--max[-_]old[-_]space[-_]size=(\d+)/g;
const MIB = 1024 * 1024;

/**
 * The engine's limit has room for new objects in it, which is a few percent of what it chooses itself, but half of all
 * with `--max-old-space-size=96`.
 */
function keptHeapLimit(flags: string): number {
  const limit = getHeapStatistics().heap_size_limit;
  // Of several the engine takes the last; those of the command line come after those of the environment.
  const given = Number(Array.from(flags.matchAll(OLD_SPACE)).at(-1)?.[1] ?? 0) * MIB;
  return given > 0 && given < limit ? given : limit;
}
