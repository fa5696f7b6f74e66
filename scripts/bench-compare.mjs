/**
 * `pnpm bench:compare <record> [--baseline FILE] [--threshold 0.10] [--budgets FILE] [--accept]`: fails when a record is
 * worse than the baseline by more than the threshold and the noise of both, misses a target, or is over a budget (S3-16, S3-17).
 * `--accept` makes the record's benches the baseline instead.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  baselineFile,
  budgetsFile,
  joinRecords,
  readRecord,
  stampOf,
  writeRecord,
} from './bench-records.mjs';
import { compareRecords, missedTargets, overBudget } from './bench-verdict.mjs';
import { print, root, workspaceEnv } from './workspace.mjs';

const { values, positionals } = parseArgs({
  options: {
    baseline: { type: 'string', default: baselineFile },
    threshold: { type: 'string', default: '0.10' },
    budgets: { type: 'string', default: budgetsFile },
    accept: { type: 'boolean', default: false },
    'fail-on-regression': { type: 'boolean', default: true },
  },
  allowPositionals: true,
});

function accept(record) {
  const earlier = existsSync(values.baseline) ? readRecord(values.baseline) : undefined;
  const joined = joinRecords(earlier, record);
  const dated = join(dirname(values.baseline), `main_${stampOf(record).slice(0, 10)}.json`);
  writeRecord(values.baseline, joined);
  writeRecord(dated, joined);
  // Kept with the sources, so that it has to look as the formatter wants it.
  spawnSync('oxfmt', [values.baseline, dated], { cwd: root, env: workspaceEnv(), stdio: 'ignore' });
  print(`the baseline is now ${values.baseline}, kept as ${dated} too`);
}

const percent = (share) => `${share >= 0 ? '+' : ''}${(100 * share).toFixed(1)} %`;

function compare(record) {
  const threshold = Number(values.threshold);
  if (!(threshold >= 0)) throw new Error(`--threshold must be a share such as 0.10`);
  const compared = compareRecords(readRecord(values.baseline), record, threshold);
  const worse = compared.filter(({ verdict }) => verdict === 'worse');
  for (const one of worse) {
    print(
      `WORSE  ${one.name}: ${percent(one.change)}, allowed ${percent(threshold + one.noise)} ` +
        `(${one.before.toPrecision(4)} → ${one.after.toPrecision(4)} ${one.unit})`,
    );
  }
  const budgets = JSON.parse(readFileSync(values.budgets, 'utf8'));
  const over = overBudget(record, budgets);
  for (const { name, limit, measured } of over) {
    print(`OVER   ${name}: ${measured.toPrecision(4)} ms, the budget is ${limit} ms`);
  }
  const missed = missedTargets(record);
  for (const { name, wanted, measured } of missed) {
    print(`MISSED ${name}: ${measured}, wanted ${wanted}`);
  }
  const count = (verdict) => compared.filter((one) => one.verdict === verdict).length;
  print(
    `${compared.length} figures compared: ${count('same')} the same within noise, ${count('better')} better, ` +
      `${worse.length} worse; ${missed.length} targets missed, ${over.length} over budget`,
  );
  const bad = worse.length + missed.length + over.length;
  if (values['fail-on-regression'] && bad > 0) process.exitCode = 1;
}

const [file] = positionals;
if (file === undefined) {
  print('which record? e.g. pnpm bench:compare bench/results/regression_….json');
  process.exit(2);
}
try {
  const record = readRecord(file);
  if (values.accept) accept(record);
  else compare(record);
} catch (error) {
  print(error.message);
  process.exit(2);
}
