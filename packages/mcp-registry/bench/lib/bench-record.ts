import type { ServerRecord } from '../../src/server-record.ts';

/** How many records a flush has to carry. */
export const changedPerFlush = 100;

/** About 1 KB of JSON. */
export function benchRecord(index: number, revision: number): ServerRecord {
  const id = String(index).padStart(6, '0');
  return {
    name: `io.bench/server-${id}`,
    transport: 'stdio',
    command: 'npx',
    args: ['-y', `@bench/server-${id}@1.${revision}.0`],
    env: { API_KEY: '${API_KEY}', REGION: 'eu-west-1' },
    description: `Server ${id} of the benchmark, revision ${revision}`,
    notes: 'lorem ipsum dolor sit amet '.repeat(30),
  };
}

/** The records that round changes, spread over all. */
export function changedRecords(size: number, round: number): ServerRecord[] {
  const step = Math.max(1, Math.floor(size / changedPerFlush));
  return Array.from({ length: changedPerFlush }, (_, i) =>
    benchRecord((i * step + round) % size, round),
  );
}
