import type { HeapProfiler } from 'node:inspector';
import type { Session } from 'node:inspector/promises';
import { getHeapSpaceStatistics } from 'node:v8';
import { placeOf } from '../../src/proof/cpu-profile.ts';

/** One function that allocates. */
export interface AllocationSite {
  readonly name: string;
  readonly place: string;
  readonly bytes: number;
}

export interface HeapReport {
  /** Most first; estimated from samples. */
  readonly sites: readonly AllocationSite[];
  /** Spaces of the engine's heap. */
  readonly spaces: readonly {
    readonly name: string;
    readonly usedBytes: number;
    readonly committedBytes: number;
  }[];
}

/** One sample for so many bytes, on average. */
const SAMPLE_BYTES = 16_384;

export async function startHeapSampling(all: boolean): Promise<Session> {
  const { Session: Inspector } = await import('node:inspector/promises');
  const session = new Inspector();
  session.connect();
  await session.post('HeapProfiler.enable');
  await session.post('HeapProfiler.startSampling', {
    samplingInterval: SAMPLE_BYTES,
    includeObjectsCollectedByMajorGC: all,
    includeObjectsCollectedByMinorGC: all,
  });
  return session;
}

function addSites(
  node: HeapProfiler.SamplingHeapProfileNode,
  sites: Map<string, { name: string; place: string; bytes: number }>,
): void {
  const { functionName, url, lineNumber } = node.callFrame;
  const name = functionName === '' ? '(anonymous)' : functionName;
  const place = placeOf(url, lineNumber);
  const site = sites.get(`${name} ${place}`) ?? { name, place, bytes: 0 };
  site.bytes += node.selfSize;
  sites.set(`${name} ${place}`, site);
  for (const child of node.children) addSites(child, sites);
}

export async function endHeapSampling(session: Session | undefined): Promise<HeapReport> {
  if (session === undefined) throw new Error('no sampling was begun');
  const { profile } = await session.post('HeapProfiler.stopSampling');
  session.disconnect();
  const sites = new Map<string, { name: string; place: string; bytes: number }>();
  addSites(profile.head, sites);
  return {
    sites: [...sites.values()].toSorted((a, b) => b.bytes - a.bytes),
    spaces: getHeapSpaceStatistics().map((space) => {
      return {
        name: space.space_name,
        usedBytes: space.space_used_size,
        committedBytes: space.space_size,
      };
    }),
  };
}
