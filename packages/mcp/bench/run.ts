// `pnpm bench [name …] [--json FILE] [--quick] [--only TEXT] [--base FOLDER]`: runs all benches, or the named ones, one after the other.
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { budget } from './budget.bench.ts';
import { call } from './call.bench.ts';
import { faults } from './faults.bench.ts';
import { flags } from './flags.bench.ts';
import { list } from './list.bench.ts';
import { describeRun, renderResult, type Bench, type BenchResult } from './lib/report.ts';
import { memory } from './memory.bench.ts';
import { micro } from './micro.bench.ts';
import { notify } from './notify.bench.ts';
import { peers } from './peers.bench.ts';
import { pool } from './pool.bench.ts';
import { scale } from './scale.bench.ts';
import { sessions } from './sessions.bench.ts';
import { steady } from './steady.bench.ts';
import { syncCold } from './sync-cold.bench.ts';
import { syncFaults } from './sync-faults.bench.ts';
import { syncSweep } from './sync-sweep.bench.ts';
import { syncWarm } from './sync-warm.bench.ts';

const BENCHES: readonly Bench[] = [
  syncCold,
  syncSweep,
  syncWarm,
  syncFaults,
  steady,
  call,
  list,
  scale,
  notify,
  sessions,
  memory,
  faults,
  flags,
  pool,
  micro,
  budget,
  peers,
];

const { values, positionals } = parseArgs({
  options: {
    json: { type: 'string' },
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    base: { type: 'string' },
    list: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const known = BENCHES.map(({ name }) => name);
if (values.list) {
  console.log(known.join('\n'));
  process.exit();
}
const unknown = positionals.find((name) => !known.includes(name));
if (unknown !== undefined) {
  console.error(`there is no bench ${unknown}; there are ${known.join(', ')}`);
  process.exit(2);
}
const chosen = BENCHES.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const results: Record<string, BenchResult> = {};
for (const bench of chosen) {
  const { name } = bench;
  const result = await bench.run(values);
  results[name] = { run: describeRun(), ...result };
  console.log(renderResult(name, result));
}
if (values.json !== undefined) {
  const record = { run: describeRun(), results };
  await writeFile(values.json, `${JSON.stringify(record, undefined, 2)}\n`);
}
// A target that is missed is a result, not a failure of the bench: it is in the table and in the record.
