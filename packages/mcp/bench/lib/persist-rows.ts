import { readingOf, shown, type BenchTable, type Reading, type Target } from './report.ts';
import type { Start } from './warm-start.ts';

interface OnAndOff {
  readonly on: Start[];
  readonly off: Start[];
}

/** Starts with `MCP_CONNECTOR_PERSIST_MANIFESTS` on and off. */
export interface PersistStarts {
  /** Tools in a whole list. */
  readonly wanted: number;
  readonly up: OnAndOff;
  readonly down: OnAndOff;
}

export interface PersistTable {
  readonly table: BenchTable;
  readonly readings: Readonly<Record<string, Reading>>;
  readonly targets: readonly Target[];
}

const FIGURES = ['firstListMs', 'listMs', 'listCpuMs'] as const;

function least(starts: readonly Start[]): number {
  return Math.min(...starts.map(({ tools }) => tools));
}

/** The rows of the flag: what each path needs for a whole list, and what the off path has in an outage. */
export function persistTable(starts: PersistStarts): PersistTable {
  const readings: Record<string, Reading> = {};
  const rows: string[][] = [];
  for (const servers of ['up', 'down'] as const) {
    for (const path of ['on', 'off'] as const) {
      const all = starts[servers][path];
      const cells = FIGURES.map((figure) => {
        const reading = readingOf(
          all.map((start) => start[figure]),
          'ms',
        );
        readings[`persist ${path}, servers ${servers}.${figure}`] = reading;
        return shown(reading);
      });
      rows.push([
        `MCP_CONNECTOR_PERSIST_MANIFESTS=${path === 'on'}`,
        servers,
        ...cells,
        `${least(all)} of ${starts.wanted}`,
      ]);
    }
  }
  const [up, down] = [least(starts.up.on), least(starts.down.on)];
  return {
    table: {
      title: 'MCP_CONNECTOR_PERSIST_MANIFESTS, on and off',
      headings: ['path', 'servers', 'first list ms', 'whole list ms', 'cpu ms', 'tools'],
      rows,
    },
    readings,
    targets: [
      {
        what: 'tools after a restart with manifests kept, servers up and gone',
        wanted: `${starts.wanted}, ${starts.wanted}`,
        measured: `${up}, ${down}`,
        met: up >= starts.wanted && down >= starts.wanted,
      },
    ],
  };
}
