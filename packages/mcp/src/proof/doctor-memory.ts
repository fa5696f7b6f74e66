import { findJemalloc, JEMALLOC_PACKAGES } from '../config/find-jemalloc.ts';
import {
  type Check,
  type DoctorContext,
  finding,
  type Finding,
  formatBytes,
  MIB,
  subjectOf,
} from './doctor-finding.ts';
import { flagValue, nodeFlags } from './doctor-node.ts';
import { sumOf } from './exposition.ts';
import { machineMemoryPressure, type PressureFacts } from './host-cgroup.ts';
import { heapFlagLine, variableLine } from './service-line.ts';

/** Largest tier of the young generation, in MB (S1-05). */
const MAX_SEMI_SPACE_MB = 64;
/** Share of the memory limit that the heap may take, so that it collects before the kernel kills (S1-B1). */
const HEAP_SHARE = 0.7;
/** R11, and the soft limit of S1-B1. */
const NEARLY_FULL = 0.9;
/** S1-B2. */
const SOME_PRESSURE = 5;
const FULL_PRESSURE = 1;

/** What bounds the heap of a stdio server. */
const BOUNDED = 'bound the heap of Node servers by "memory": {"tier": "light"} in their entries';

const ALLOCATORS = /lib(jemalloc|tcmalloc|mimalloc)[^/\s]*\.so/;

/** What makes the preloading that was asked for work. */
function preloadFix({ start }: DoctorContext): string {
  const path = findJemalloc();
  return path === undefined
    ? `correct the path in LD_PRELOAD, or install ${JEMALLOC_PACKAGES}`
    : variableLine(start, 'LD_PRELOAD', path);
}

export const checkAllocator: Check = async (context) => {
  const why =
    'glibc keeps memory that was freed; whether another allocator helps depends on the load (docs/performance-tuning.md).';
  const maps = await context.files.text(`/proc/${context.pid}/maps`);
  if (maps === undefined) {
    return [finding('allocator', 'unknown', { finding: 'its memory map is not shown', why })];
  }
  const [, other] = ALLOCATORS.exec(maps) ?? [];
  const preload = context.start?.env?.get('LD_PRELOAD') ?? '';
  // Asked for and not there: the loader only writes a line about it (S1-21).
  const missing = other === undefined && ALLOCATORS.test(preload);
  const libc = /ld-musl/.test(maps) ? 'musl' : 'glibc';
  return [
    finding('allocator', missing ? 'warn' : 'ok', {
      finding: `${subjectOf(context)} uses ${other ?? libc}${missing ? `, though LD_PRELOAD is ${preload}` : ''}`,
      why,
      fix: missing ? preloadFix(context) : '',
    }),
  ];
};

export const checkHugePages: Check = async ({ files }) => {
  const why = 'With always, memory of many small processes is rounded up to 2 MB pages (S1-04).';
  const text = await files.text('/sys/kernel/mm/transparent_hugepage/enabled');
  const mode = /\[(\w+)\]/.exec(text ?? '')?.[1];
  if (mode === undefined) {
    return [finding('huge-pages', 'unknown', { finding: 'the kernel does not say', why })];
  }
  return [
    finding('huge-pages', mode === 'always' ? 'warn' : 'ok', {
      finding: `transparent huge pages: ${mode}`,
      why,
      fix: 'as root: echo madvise > /sys/kernel/mm/transparent_hugepage/enabled',
    }),
  ];
};

/** The memory that the process may take: of its group, else of the machine. */
function limitOf({ cgroup, machineMemoryBytes }: DoctorContext): {
  readonly bytes: number;
  readonly own: boolean;
} {
  const limits = [cgroup?.memoryMaxBytes, cgroup?.memoryHighBytes].filter(
    (bytes) => bytes !== undefined,
  );
  const bytes = Math.min(machineMemoryBytes, ...limits);
  return { bytes, own: bytes < machineMemoryBytes };
}

export const checkOldSpace: Check = async (context) => {
  const why =
    'A heap that may grow beyond the memory limit is killed instead of collected (S1-B1).';
  const flag = flagValue(nodeFlags(context), 'max-old-space-size');
  const told = context.service && sumOf(context.service.metrics, 'nodejs_heap_size_limit_bytes');
  const heap = flag === undefined ? told : flag * MIB;
  if (heap === undefined) {
    return [finding('old-space', 'unknown', { finding: 'no service runs that would say', why })];
  }
  const limit = limitOf(context);
  const wanted = Math.floor((limit.bytes * HEAP_SHARE) / MIB);
  const isFatal = heap > limit.bytes;
  const isHigh = limit.own && heap > limit.bytes * HEAP_SHARE;
  return await Promise.resolve([
    finding('old-space', isFatal ? 'fail' : isHigh ? 'warn' : 'ok', {
      finding: `the heap may take ${formatBytes(heap)} of ${formatBytes(limit.bytes)}${limit.own ? ', the limit of its group' : ' in this machine'}`,
      why,
      fix: `${heapFlagLine(context.start, 'max-old-space-size', wanted)}; that is 70 % of the limit`,
    }),
  ]);
};

export const checkSemiSpace: Check = async (context) => {
  const why =
    'The young generation holds what a call makes. Too small it is collected often, too large its pauses are long (S1-05).';
  const given = flagValue(nodeFlags(context), 'max-semi-space-size');
  const high = given !== undefined && given > MAX_SEMI_SPACE_MB;
  return await Promise.resolve([
    finding('semi-space', high ? 'warn' : 'ok', {
      finding:
        given === undefined
          ? "the engine's own size of semi-spaces"
          : `semi-spaces of at most ${given} MB`,
      why,
      fix: `${heapFlagLine(context.start, 'max-semi-space-size', MAX_SEMI_SPACE_MB)} or less; cortex-mcp advise says from the pauses whether it is needed`,
    }),
  ]);
};

export const checkGroupMemory: Check = async ({ cgroup }) => {
  const why = 'At memory.high the kernel slows the service down, at memory.max it kills it.';
  if (cgroup?.memoryBytes === undefined) {
    const text = { finding: 'no control group (version 2) with a memory controller', why };
    return [finding('group-memory', 'unknown', text)];
  }
  const { memoryBytes, memoryMaxBytes = Infinity, memoryHighBytes = Infinity, path } = cgroup;
  const limit = Math.min(memoryMaxBytes, memoryHighBytes);
  const tight = memoryBytes > limit * NEARLY_FULL;
  return await Promise.resolve([
    finding('group-memory', tight ? 'warn' : 'ok', {
      finding: `${path}: ${formatBytes(memoryBytes)} used, high ${formatBytes(memoryHighBytes)}, max ${formatBytes(memoryMaxBytes)}`,
      why,
      fix: `raise MemoryHigh and MemoryMax of the unit, put servers to sleep with idleStopMs, or ${BOUNDED}`,
    }),
  ]);
};

export const checkOutOfMemory: Check = async ({ cgroup }) => {
  const why =
    'A process that the kernel killed took its calls with it; there must be none (S1-33).';
  if (cgroup?.oomKills === undefined) {
    return [finding('oom-kills', 'unknown', { finding: 'the kernel does not say', why })];
  }
  const { oomKills, maxEvents = 0 } = cgroup;
  const severity = oomKills > 0 ? 'fail' : maxEvents > 0 ? 'warn' : 'ok';
  return await Promise.resolve([
    finding('oom-kills', severity, {
      finding: `${oomKills} killed for want of memory, the limit met ${maxEvents} times`,
      why,
      fix: `raise the limit of the group, give the server that grows a maxRssBytes, or ${BOUNDED}`,
    }),
  ]);
};

function pressureFinding(where: string, facts: PressureFacts | undefined): Finding {
  const why = 'Time in which work waited for memory is time in which calls waited (S1-B2).';
  if (facts === undefined) {
    const text = { finding: 'the kernel does not say', why };
    return finding('memory-pressure', 'unknown', text);
  }
  const some = facts.some.avg60;
  const full = facts.full?.avg60 ?? 0;
  const severity = full > FULL_PRESSURE ? 'fail' : some > SOME_PRESSURE ? 'warn' : 'ok';
  return finding('memory-pressure', severity, {
    finding: `${where}: some ${some} %, full ${full} % of the last minute`,
    why,
    fix: 'free memory, or stop what else runs here; cortex-mcp monitor shows who holds it',
  });
}

export const checkMemoryPressure: Check = async ({ cgroup, files }) => {
  const own = cgroup?.memoryPressure;
  if (own !== undefined) return [pressureFinding('its group', own)];
  return [pressureFinding('this machine', await machineMemoryPressure(files))];
};

export const checkCpuQuota: Check = async ({ cgroup, cores }) => {
  const why = 'Beyond its quota the whole process stands still until the next 100 ms.';
  if (cgroup?.cpus === undefined) {
    return [finding('cpu-quota', 'unknown', { finding: 'the kernel does not say', why })];
  }
  const { cpus } = cgroup;
  return await Promise.resolve([
    finding('cpu-quota', cpus < 1 ? 'warn' : 'ok', {
      finding: cpus === Infinity ? `none, ${cores} cores` : `${cpus} of ${cores} cores`,
      why,
      fix: 'at least 100 % for the gateway and its servers, 200 % is usual: CPUQuota=200%',
    }),
  ]);
};
