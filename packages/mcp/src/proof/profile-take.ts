import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { nameOf, parseCpuProfile, placeOf, type ProfileFrame } from './cpu-profile.ts';
import type { InspectorClient } from './inspector-client.ts';

/** A profile as its file holds it, and as a tree. */
export interface TakenProfile {
  /** JSON that Chrome DevTools and VS Code open. */
  readonly text: string;
  readonly root: ProfileFrame;
}

/** Between two samples, in microseconds: `normal` costs some percent of the processor, `fine` shows short functions. */
export const CPU_MODES: Readonly<Record<string, number>> = { normal: 1_000, fine: 100 };

/** What is counted: what is still there at the end, or all that was allocated. */
export const HEAP_MODES: Readonly<Record<string, boolean>> = { live: false, allocated: true };

/** One sample for so many bytes, on average. */
const HEAP_SAMPLE_BYTES = 16_384;

/** Waits, or less when it is asked to end. */
async function during(ms: number, client: InspectorClient, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  const ends = AbortSignal.any([signal, over.signal]);
  // An end of the connection is found by the next question.
  await Promise.race([delay(ms, undefined, { signal: ends }).catch(() => undefined), client.ended]);
  over.abort();
}

const stopped = z.object({ profile: z.unknown().optional() });

/** Samples where the processor's time goes (S3-09). An early end by `signal` keeps what was sampled. */
export async function takeCpuProfile(
  client: InspectorClient,
  intervalUs: number,
  { durationMs, signal }: { readonly durationMs: number; readonly signal: AbortSignal },
): Promise<TakenProfile> {
  await client.post('Profiler.enable');
  await client.post('Profiler.setSamplingInterval', { interval: intervalUs });
  await client.post('Profiler.start');
  await during(durationMs, client, signal);
  const { profile } = stopped.parse(await client.post('Profiler.stop'));
  await client.post('Profiler.disable');
  return { text: JSON.stringify(profile), root: parseCpuProfile(profile) };
}

interface HeapNode {
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    readonly lineNumber: number;
  };
  readonly selfSize: number;
  readonly children: readonly HeapNode[];
}

const heapNode: z.ZodType<HeapNode> = z.object({
  callFrame: z.object({ functionName: z.string(), url: z.string(), lineNumber: z.number() }),
  selfSize: z.number(),
  get children() {
    return z.array(heapNode);
  },
});
const heapProfile = z.object({ head: heapNode });

function heapFrame({ callFrame, selfSize, children }: HeapNode): ProfileFrame {
  const { functionName, url, lineNumber } = callFrame;
  const below = children.map(heapFrame);
  return {
    name: nameOf(functionName),
    place: placeOf(url, lineNumber),
    self: selfSize,
    total: below.reduce((sum, { total }) => sum + total, selfSize),
    children: below,
  };
}

/** The tree of a sampled heap. @throws Error when it is none. */
export function parseHeapProfile(value: unknown): ProfileFrame {
  return heapFrame(heapProfile.parse(value).head);
}

/** Samples who allocates (S3-11). An early end by `signal` keeps what was sampled. */
export async function takeHeapProfile(
  client: InspectorClient,
  all: boolean,
  { durationMs, signal }: { readonly durationMs: number; readonly signal: AbortSignal },
): Promise<TakenProfile> {
  await client.post('HeapProfiler.enable');
  await client.post('HeapProfiler.startSampling', {
    samplingInterval: HEAP_SAMPLE_BYTES,
    includeObjectsCollectedByMajorGC: all,
    includeObjectsCollectedByMinorGC: all,
  });
  await during(durationMs, client, signal);
  const { profile } = stopped.parse(await client.post('HeapProfiler.stopSampling'));
  await client.post('HeapProfiler.disable');
  return { text: JSON.stringify(profile), root: parseHeapProfile(profile) };
}

const usage = z.object({ usedSize: z.number(), totalSize: z.number() });
const chunk = z.object({ chunk: z.string() });

/** Bytes of the heap in use: about what a snapshot has to walk through while the service stands still. */
export async function heapUsedBytes(client: InspectorClient): Promise<number> {
  return usage.parse(await client.post('Runtime.getHeapUsage')).usedSize;
}

/**
 * A snapshot of the whole heap; the process stands still meanwhile.
 * @param write takes each piece as it comes, so that none of it is kept.
 */
export async function takeHeapSnapshot(
  client: InspectorClient,
  write: (text: string) => void,
): Promise<void> {
  client.on('HeapProfiler.addHeapSnapshotChunk', (params) => write(chunk.parse(params).chunk));
  await client.post('HeapProfiler.enable');
  await client.post('HeapProfiler.takeHeapSnapshot', { reportProgress: false });
  await client.post('HeapProfiler.disable');
}
