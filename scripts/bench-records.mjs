/** Where the records of benches are, and how they are read, joined and written. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from './workspace.mjs';

export const resultsFolder = join(root, 'bench', 'results');
export const baselineFile = join(root, 'bench', 'baseline', 'main_latest.json');
export const budgetsFile = join(root, 'bench', 'budgets.json');

/** @throws Error that names the file, when it is missing or no record. */
export function readRecord(file) {
  if (!existsSync(file)) throw new Error(`there is no record ${file}; make one with: pnpm bench`);
  const record = JSON.parse(readFileSync(file, 'utf8'));
  if (typeof record.results !== 'object') throw new Error(`${file} is no record of benches`);
  return record;
}

export function writeRecord(file, record) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(record, undefined, 2)}\n`);
}

/** Benches of the later record replace those of the same name in the earlier one. */
export function joinRecords(earlier, later) {
  if (earlier === undefined) return later;
  return { run: later.run, results: { ...earlier.results, ...later.results } };
}

/** `2026-11-21T08-50-00` of the moment a record was taken. */
export function stampOf({ run }) {
  return String(run.takenAt).slice(0, 19).replaceAll(':', '-');
}
