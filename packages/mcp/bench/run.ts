// `pnpm bench [name …] [--json FILE]`: runs all benches, or the named ones, one after the other.
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { describeRun, renderResult, type Bench, type BenchResult } from './lib/report.ts';
import { steady } from './steady.bench.ts';
import { syncCold } from './sync-cold.bench.ts';
import { syncFaults } from './sync-faults.bench.ts';
import { syncSweep } from './sync-sweep.bench.ts';
import { syncWarm } from './sync-warm.bench.ts';

const BENCHES: readonly Bench[] = [syncCold, syncSweep, syncWarm, syncFaults, steady];

const { values, positionals } = parseArgs({
  options: { json: { type: 'string' } },
  allowPositionals: true,
});
const known = BENCHES.map(({ name }) => name);
const unknown = positionals.find((name) => !known.includes(name));
if (unknown !== undefined) {
  console.error(`there is no bench ${unknown}; there are ${known.join(', ')}`);
  process.exit(2);
}
const chosen = BENCHES.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const results: Record<string, BenchResult> = {};
for (const bench of chosen) {
  const { name } = bench;
  const result = await bench.run();
  results[name] = result;
  console.log(renderResult(name, result));
}
if (values.json !== undefined) {
  const record = { run: describeRun(), results };
  await writeFile(values.json, `${JSON.stringify(record, undefined, 2)}\n`);
}
// A target that is missed is a result, not a failure of the bench: it is in the table and in the record.
