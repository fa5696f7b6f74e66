// `pnpm bench [name …] [--quick] [--json FILE]`: runs all benches, or the named ones, one after the other. `--quick`
// leaves the largest size out.
import { writeFile } from 'node:fs/promises';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { httpBench } from './http.bench.ts';
import { describeRun, recordedResult, resultText, type BenchResult } from './lib/report.ts';
import { storeBench } from './store.bench.ts';

const benches: Readonly<Record<string, (largest: number) => Promise<BenchResult>>> = {
  'registry-store': storeBench,
  'registry-http': httpBench,
};

const { values, positionals } = parseArgs({
  options: {
    json: { type: 'string' },
    quick: { type: 'boolean' },
    // Of other packages' benches: rows of one name, another checkout.
    only: { type: 'string' },
    base: { type: 'string' },
    list: { type: 'boolean' },
  },
  allowPositionals: true,
});
if (values.list === true) {
  process.stdout.write(`${Object.keys(benches).join('\n')}\n`);
  process.exit();
}
const unknown = positionals.find((name) => benches[name] === undefined);
if (unknown !== undefined) {
  process.stderr.write(
    `there is no bench ${unknown}; there are ${Object.keys(benches).join(', ')}\n`,
  );
  process.exit(2);
}
const results: Record<string, ReturnType<typeof recordedResult>> = {};
for (const [name, bench] of Object.entries(benches)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  const result = await bench(values.quick === true ? 10_000 : 100_000);
  results[name] = recordedResult(result);
  process.stdout.write(`${resultText(name, result)}\n`);
}
if (values.json !== undefined)
  await writeFile(
    values.json,
    `${JSON.stringify({ run: describeRun(), results }, undefined, 2)}\n`,
  );
// A target that is missed is a result, not a failure of the bench: it is in the output and in the record.
