/**
 * `pnpm bench [name …] [--json FILE] [--quick] [--only TEXT] [--base FOLDER] [--limit SECONDS]`: runs the benches of all
 * packages, or the named ones, one after the other, and keeps the record as `regression_<time>.json` in the results folder,
 * and in FILE as well. A bench that takes longer than the limit (default 600 s, `call` 2,400 s) is ended and has failed; so
 * has one that throws. The record has the others, also when the run is stopped by a signal.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { joinRecords, readRecord, resultsFolder, stampOf, writeRecord } from './bench-records.mjs';
import { runBench } from './bench-process.mjs';
import {
  formatSeconds,
  print,
  root,
  signalExitCode,
  workspaceEnv,
  workspaceNode,
} from './workspace.mjs';

const { values, positionals } = parseArgs({
  options: {
    json: { type: 'string' },
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    base: { type: 'string' },
    limit: { type: 'string' },
  },
  allowPositionals: true,
});
const usualSeconds = 600;
/** Of those with more rows than fit into that. */
const longerSeconds = { call: 2_400 };
const given = values.limit === undefined ? undefined : Number(values.limit);
if (given !== undefined && !(given > 0 && given <= 86_400)) {
  print(`--limit is ${values.limit}; it is a number of seconds, up to a day`);
  process.exit(2);
}
const limitOf = (name) => given ?? longerSeconds[name] ?? usualSeconds;
const more = [
  ...(values.quick ? ['--quick'] : []),
  ...(values.only === undefined ? [] : ['--only', values.only]),
  ...(values.base === undefined ? [] : ['--base', values.base]),
];
const isWanted = (name) => positionals.length === 0 || positionals.includes(name);
// What is done by then is kept.
const ended = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    process.exitCode = signalExitCode(signal);
    ended.abort();
  });
}

const flags = ['--conditions=cortex-source', join('bench', 'run.ts')];

/** Packages whose benches answer to names. */
function benchedPackages() {
  return readdirSync(join(root, 'packages')).flatMap((name) => {
    const folder = join(root, 'packages', name);
    if (!existsSync(join(folder, 'bench', 'run.ts'))) return [];
    const listed = spawnSync(workspaceNode, [...flags, '--list'], {
      cwd: folder,
      encoding: 'utf8',
      timeout: 60_000,
    });
    const names = listed.status === 0 ? listed.stdout.split('\n').filter((one) => one !== '') : [];
    return names.length === 0 ? [] : [{ folder, names }];
  });
}

/** Its record, undefined when it made none; prints what went wrong and how long it took. */
async function measured(folder, name) {
  const out = mkdtempSync(join(tmpdir(), 'cortex-bench-'));
  try {
    const file = join(out, 'record.json');
    const args = [...flags, name, '--json', file, ...more];
    const command = { command: workspaceNode, args, cwd: folder, env: workspaceEnv() };
    const { failed, seconds } = await runBench(command, limitOf(name) * 1_000, ended.signal);
    if (failed !== undefined) {
      process.exitCode ??= 1;
      print(`the bench ${name} ${failed}`);
      return undefined;
    }
    print(`${name} took ${formatSeconds(seconds)}`);
    const one = readRecord(file);
    one.results[name].run.seconds = Math.round(seconds);
    return one;
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

const packages = benchedPackages();
const known = packages.flatMap(({ names }) => names);
const unknown = positionals.find((name) => !known.includes(name));
if (unknown !== undefined) {
  print(`there is no bench ${unknown}; there are ${known.join(', ')}`);
  process.exit(2);
}
let record;
for (const { folder, names } of packages) {
  for (const name of names) {
    if (ended.signal.aborted || !isWanted(name)) continue;
    const one = await measured(folder, name);
    if (one !== undefined) record = joinRecords(record, one);
  }
}
if (record !== undefined) {
  const kept = join(resultsFolder, `regression_${stampOf(record)}.json`);
  writeRecord(kept, record);
  if (values.json !== undefined) writeRecord(values.json, record);
  print(`recorded in ${kept}`);
}
