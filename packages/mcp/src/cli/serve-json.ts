import type { ConnectorStatus } from '../connectors/sync-report.ts';
import type { CliIo } from './cli-io.ts';
import type { ProgressSource } from './progress.ts';
import { noteworthy } from './serve-report.ts';

/** What `serve --json` prints, one object a line. */
export type ServeEvent =
  | {
      readonly event: 'listening';
      readonly version: string;
      readonly endpoint: string;
      readonly config: string;
      readonly connectors: number;
      readonly fromRegistry: number;
      /** Only at a first start: what clients here have, and the command that takes it over. */
      readonly found?: readonly object[];
    }
  | ({ readonly event: 'connector' } & ConnectorStatus)
  | { readonly event: 'removed'; readonly id: string }
  | { readonly event: 'stopping' };

/** Changes that come this close together are looked at together. */
const SETTLE_MS = 50;

export function writeEvent({ stdout }: Pick<CliIo, 'stdout'>, event: ServeEvent): void {
  stdout.write(`${JSON.stringify(event)}\n`);
}

/** Prints each connector as it is now, and again when its state, tools or failure change. @returns what ends it. */
export function printConnectors(source: ProgressSource, io: Pick<CliIo, 'stdout'>): () => void {
  const shown = new Map<string, string>();
  const print = (): void => {
    const connectors = source.listConnectors();
    const ids = new Set(connectors.map(({ id }) => id));
    for (const id of shown.keys()) {
      if (ids.has(id)) continue;
      shown.delete(id);
      writeEvent(io, { event: 'removed', id });
    }
    for (const status of connectors) {
      const state = noteworthy(status);
      if (shown.get(status.id) === state) continue;
      shown.set(status.id, state);
      writeEvent(io, { event: 'connector', ...status });
    }
  };
  let settling: NodeJS.Timeout | undefined;
  const unsubscribe = source.onChange(() => {
    settling ??= setTimeout(() => {
      settling = undefined;
      print();
    }, SETTLE_MS);
  });
  print();
  return () => {
    clearTimeout(settling);
    unsubscribe();
  };
}
