import type { ServiceSettings } from '../../src/service/service.ts';
import { startFleetProcess } from './fleet-process.ts';
import { connectorsOf, quietColdPass, quietOnly, type MeasuredPass } from './measure-pass.ts';
import { readingOf, shown, spreadOf, type BenchTable, type Reading } from './report.ts';

/** Each flag away from its default, as settings of a service. */
export const OFF_PATHS: readonly (readonly [name: string, settings: Partial<ServiceSettings>])[] = [
  ['defaults', {}],
  ['MCP_LIST_PREBUILT=false', { listPrebuilt: false }],
  ['MCP_CONNECTOR_MANIFEST_CACHE=false', { manifestCache: false }],
  ['MCP_CONNECTOR_SHARED_AGENT=false', { sharedAgent: false }],
  ['MCP_CONNECTOR_REFRESH_SYNC=true', { backgroundRefresh: false }],
  ['MCP_CONNECTOR_PARALLEL_SYNC=false', { parallelSync: false }],
];

/** Where each flag of the contract has its off path beside its on path. */
export const WHERE: BenchTable = {
  title: 'where each flag is measured, off beside on',
  headings: ['flag', 'its off path', 'bench', 'rows'],
  rows: [
    ['MCP_CONNECTOR_REFRESH_SYNC', 'true', 'flags', 'call, list, first pass'],
    ['MCP_CONNECTOR_PARALLEL_SYNC', 'false', 'flags, sync-cold', 'call, list, first pass; off'],
    ['MCP_CONNECTOR_SHARED_AGENT', 'false', 'flags, sync-cold', 'call, list, first pass; off'],
    ['MCP_CONNECTOR_MANIFEST_CACHE', 'false', 'flags, sync-cold', 'call, list, first pass; off'],
    [
      'MCP_CONNECTOR_PERSIST_MANIFESTS',
      'false',
      'sync-warm',
      'whole list after a restart, servers up and gone',
    ],
    [
      'MCP_REGISTRY_MEMORY_CACHE',
      'false',
      'registry-store',
      'read, page and write through the handle of a service',
    ],
    ['MCP_LIST_PREBUILT', 'false', 'flags, sync-cold', 'call, list, first pass; off'],
    ['MCP_STDIO_POOL', 'false', 'pool', 'one process beside several'],
    [
      'MCP_ROLLOUT_PERCENT',
      '0',
      'flags',
      'outside the cohort a service is that of MCP_CONNECTOR_REFRESH_SYNC=true',
    ],
  ],
};

export interface PassPace {
  readonly connectors: number;
  readonly rounds: number;
  readonly latencyMs: number;
}

export interface PassTable {
  readonly table: BenchTable;
  readonly readings: Readonly<Record<string, Reading>>;
}

const FIGURES = ['wallMs', 'cpuMs'] as const;

/** A first pass of a fresh process for each path, in turn. */
export async function firstPasses({ connectors, rounds, latencyMs }: PassPace): Promise<PassTable> {
  await using fleet = await startFleetProcess([
    { kind: 'modern-http', count: connectors, latencyMs, toolCount: 2, ttlMs: 300_000 },
  ]);
  const found = new Map<string, MeasuredPass[]>(OFF_PATHS.map(([name]) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, settings] of OFF_PATHS) {
      const pass = await quietColdPass({ fleet, connectors: connectorsOf(fleet.urls), settings });
      found.get(name)?.push(pass);
    }
  }
  const defaults = found.get('defaults') ?? [];
  const readings: Record<string, Reading> = {};
  const rows: string[][] = [];
  for (const [name, all] of found) {
    const { passes } = quietOnly(all);
    const cells = [name];
    for (const figure of FIGURES) {
      const reading = readingOf(
        passes.map((pass) => pass[figure]),
        'ms',
      );
      const ratios = all.map((pass, round) => pass[figure] / (defaults[round]?.[figure] ?? 0));
      const ratio = { to: 'defaults', ...spreadOf(ratios) };
      readings[`first pass.${name}.${figure}`] =
        name === 'defaults' ? reading : { ...reading, ratio };
      cells.push(shown(reading), ratio.median.toFixed(2));
    }
    rows.push(cells);
  }
  return {
    table: {
      title: `first pass of ${connectors} connectors, ${latencyMs} ms before each answer`,
      headings: ['who', 'wall ms', '× defaults', 'cpu ms', '× defaults'],
      rows,
    },
    readings,
  };
}
