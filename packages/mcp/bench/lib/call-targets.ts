import type { LoadRound } from './compare-load.ts';
import { ratioTarget, type ComparedRow, type LoadTable } from './load-table.ts';
import { flatMemory } from './flat-memory.ts';
import type { Target } from './report.ts';

export const largeRow = (what: string): string => `modern→modern, 1 MB ${what}, 8 in flight`;
export const SMALL = 'modern→modern, 0.5 KB, 32 in flight';
export const SMALL_LEGACY = 'legacy→legacy, 0.5 KB, 32 in flight';
export const SMALL_STDIO = 'modern→stdio, 0.5 KB, 32 in flight';
export const SMALL_ALONE = 'modern→modern, 0.5 KB, 1 in flight';
const SMALL_MANY = 'modern→modern, 0.5 KB, 256 in flight';

/** The candidate that writes down every call. */
export const AUDITED = 'ours, audit log';

/** The candidate that leaves it to V8 when all of its heap is marked. */
export const NO_SLACK = 'ours, MCP_HEAP_SLACK_MIB=0';

/** The candidate that is the bare proxy, with as much room on its heap as ours has. */
export const ROOMY_PROXY = 'proxy, 32 MiB room';

const LARGE = ['result', 'arguments', 'arguments of many values'] as const;

/**
 * The same for sessions of the legacy revisions, whose ids are ours and of whose servers most answer with events, and
 * between the eras, where members are added or taken off, and of servers on pipes.
 */
const LARGE_OTHERS: readonly {
  readonly row: string;
  readonly what: string;
  readonly atMost: number;
}[] = [
  { row: 'legacy→legacy, 1 MB result, 8 in flight', what: '1 MB result', atMost: 1.5 },
  {
    row: 'legacy→legacy, events, 1 MB result, 8 in flight',
    what: '1 MB result as an event',
    atMost: 1.5,
  },
  { row: 'legacy→legacy, 1 MB arguments, 8 in flight', what: '1 MB of one text', atMost: 1.5 },
  {
    row: 'legacy→legacy, 1 MB arguments of many values, 8 in flight',
    what: '1 MB of many values',
    atMost: 2.5,
  },
  { row: 'legacy→modern, 1 MB result, 8 in flight', what: '1 MB result', atMost: 1.5 },
  { row: 'modern→legacy, 1 MB result, 8 in flight', what: '1 MB result', atMost: 1.5 },
  { row: 'modern→stdio, 1 MB result, 8 in flight', what: '1 MB result', atMost: 1.5 },
];

/** Eras of the client and of the server. */
const pathOf = (row: string): string => row.split(',', 1)[0] ?? '';

/** What a row is held against: the least that can be had of this runtime. */
const bareOf = (row: string): 'proxy' | 'relay' =>
  pathOf(row).endsWith('stdio') ? 'relay' : 'proxy';

/** Rows with a limit, and whom it is about. */
export const LIMITED: ReadonlyMap<string, readonly string[]> = new Map([
  [SMALL, ['ours', AUDITED, 'proxy', 'nginx', 'sdk']],
  [SMALL_MANY, ['ours', 'proxy']],
  [SMALL_LEGACY, ['ours', AUDITED, 'proxy']],
  [SMALL_STDIO, ['ours', 'relay']],
  [SMALL_ALONE, ['ours', 'proxy', 'direct']],
  ...LARGE.map((what): [string, string[]] => [largeRow(what), ['ours', 'proxy']]),
  ...LARGE_OTHERS.map(({ row }): [string, string[]] => [row, ['ours', bareOf(row)]]),
]);

/** What is asked of calls (S4-02 asks for latency end to end, which `steady` measures). */
export function callTargets(
  { paired }: LoadTable,
  rows: readonly ComparedRow[],
): readonly Target[] {
  const cpu = (row: string, one: string, other: string): number =>
    paired(row, 'cpuUs', [one, other]);
  const added = (figure: 'p50Us' | 'p99Us'): number =>
    paired(
      SMALL_ALONE,
      figure,
      ['ours', 'proxy', 'direct'],
      ([ours = 0, proxy = 0, direct = 0]) => (ours - direct) / (proxy - direct),
    );
  const large = (what: (typeof LARGE)[number]): number => cpu(largeRow(what), 'ours', 'proxy');
  const limits: readonly (readonly [string, number, Parameters<typeof ratioTarget>[2]])[] = [
    ['modern→modern, cpu against the bare proxy', cpu(SMALL, 'ours', 'proxy'), { atMost: 1.35 }],
    [
      'modern→modern, 1 in flight, cpu against the bare proxy',
      cpu(SMALL_ALONE, 'ours', 'proxy'),
      { atMost: 1.35 },
    ],
    [
      'modern→modern, 256 in flight, cpu against the bare proxy',
      cpu(SMALL_MANY, 'ours', 'proxy'),
      { atMost: 1.35 },
    ],
    [
      'modern→modern with the audit log, cpu against the bare proxy',
      cpu(SMALL, AUDITED, 'proxy'),
      { atMost: 1.6 },
    ],
    ['modern→modern, cpu against nginx', cpu(SMALL, 'ours', 'nginx'), { atMost: 3 }],
    ['modern→modern, the SDK gateway against ours', cpu(SMALL, 'sdk', 'ours'), { atLeast: 12 }],
    [
      'legacy→legacy, cpu against the bare proxy',
      cpu(SMALL_LEGACY, 'ours', 'proxy'),
      { atMost: 1.8 },
    ],
    [
      'modern→stdio, cpu against the bare relay',
      cpu(SMALL_STDIO, 'ours', 'relay'),
      { atMost: 1.5 },
    ],
    ['p50 added at 1 in flight, against the bare proxy', added('p50Us'), { atMost: 1.3 }],
    ['p99 added at 1 in flight, against the bare proxy', added('p99Us'), { atMost: 1.5 }],
    ['1 MB result, cpu against the bare proxy', large('result'), { atMost: 1.5 }],
    ['1 MB of one text, cpu against the bare proxy', large('arguments'), { atMost: 1.5 }],
    [
      '1 MB of many values, cpu against the bare proxy',
      large('arguments of many values'),
      { atMost: 2.5 },
    ],
    ...LARGE_OTHERS.map(
      ({ row, what, atMost }) =>
        [
          `${pathOf(row)}, ${what}, cpu against the bare ${bareOf(row)}`,
          cpu(row, 'ours', bareOf(row)),
          { atMost },
        ] as const,
    ),
  ];
  const ours = (row: string): readonly LoadRound[] =>
    rows.find(({ name }) => name === row)?.rounds.get('ours') ?? [];
  return [
    ...limits.flatMap((limit) => ratioTarget(...limit)),
    ...LARGE.flatMap((what) => flatMemory(`1 MB ${what}`, ours(largeRow(what)))),
    ...LARGE_OTHERS.flatMap(({ row, what }) => flatMemory(`${pathOf(row)}, ${what}`, ours(row))),
  ];
}
