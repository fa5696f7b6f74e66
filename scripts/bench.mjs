/**
 * `pnpm bench [name …] [--json FILE] [--quick] [--only TEXT] [--base FOLDER]`: runs the benches of all packages, or
 * the named ones, and keeps the record as `regression_<time>.json` in the results folder, and in FILE as well.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { joinRecords, readRecord, resultsFolder, stampOf, writeRecord } from './bench-records.mjs';
import { print, root, workspaceEnv, workspaceNode } from './workspace.mjs';

const { values, positionals } = parseArgs({
  options: {
    json: { type: 'string' },
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    base: { type: 'string' },
  },
  allowPositionals: true,
});

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
    const names = listed.status === 0 ? listed.stdout.trim().split('\n') : [];
    return names.length === 0 || names[0].includes(' ') ? [] : [{ folder, names }];
  });
}

async function runPackage({ folder }, names, file) {
  const more = [
    ...(values.quick ? ['--quick'] : []),
    ...(values.only === undefined ? [] : ['--only', values.only]),
    ...(values.base === undefined ? [] : ['--base', values.base]),
  ];
  const child = spawn(workspaceNode, [...flags, ...names, '--json', file, ...more], {
    cwd: folder,
    env: workspaceEnv(),
    stdio: 'inherit',
  });
  return new Promise((resolve) => {
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

const packages = benchedPackages();
const known = packages.flatMap(({ names }) => names);
const unknown = positionals.find((name) => !known.includes(name));
if (unknown !== undefined) {
  print(`there is no bench ${unknown}; there are ${known.join(', ')}`);
  process.exit(2);
}
const folder = mkdtempSync(join(tmpdir(), 'cortex-bench-'));
let record;
try {
  for (const [index, one] of packages.entries()) {
    const names = one.names.filter(
      (name) => positionals.length === 0 || positionals.includes(name),
    );
    if (names.length === 0) continue;
    const file = join(folder, `${index}.json`);
    const code = await runPackage(one, names, file);
    if (code !== 0) process.exitCode = code;
    if (existsSync(file)) record = joinRecords(record, readRecord(file));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (record !== undefined) {
  const kept = join(resultsFolder, `regression_${stampOf(record)}.json`);
  writeRecord(kept, record);
  if (values.json !== undefined) writeRecord(values.json, record);
  print(`recorded in ${kept}`);
}
