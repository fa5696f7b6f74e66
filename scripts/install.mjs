/**
 * Installs the workspace with the pinned pnpm, and only when something changed since the last install.
 * `node scripts/install.mjs` does just that; start.mjs and verify.mjs call it first.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { formatSeconds, print, printOutput, root, run, workspaceNode } from './workspace.mjs';

const stampFile = join(root, 'node_modules', '.install-stamp');

/** The folders of the workspace's packages; each has dependencies, so each gets a `node_modules`. */
function workspaceFolders() {
  return ['packages', 'examples']
    .map((name) => join(root, name))
    .filter((parent) => existsSync(parent))
    .flatMap((parent) => readdirSync(parent).map((name) => join(parent, name)))
    .filter((folder) => existsSync(join(folder, 'package.json')))
    .toSorted((a, b) => (a < b ? -1 : 1));
}

/** Every file that decides what an install does. */
function manifestFiles() {
  return ['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml']
    .map((name) => join(root, name))
    .concat(workspaceFolders().map((folder) => join(folder, 'package.json')));
}

function fingerprint() {
  const hash = createHash('sha256');
  for (const file of manifestFiles()) {
    hash
      .update(`${relative(root, file)}\0`)
      .update(readFileSync(file))
      .update('\0');
  }
  return hash.digest('hex');
}

function isInstalled() {
  return (
    existsSync(workspaceNode) &&
    existsSync(stampFile) &&
    readFileSync(stampFile, 'utf8') === fingerprint() &&
    workspaceFolders().every((folder) => existsSync(join(folder, 'node_modules')))
  );
}

function pinnedPnpm() {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).packageManager;
}

/** Resolves to `skipped`, or to the result of the install; a failed install has a `code` other than 0. */
export async function install() {
  if (isInstalled()) return { code: 0, output: '', seconds: 0, skipped: true };
  // The machine's PATH, not the workspace's: a half-finished install must not run its own broken tools.
  const result = await run(
    'npx',
    ['-y', pinnedPnpm(), 'install', '--frozen-lockfile', '--config.confirmModulesPurge=false'],
    { env: process.env },
  );
  if (result.code === 0) writeFileSync(stampFile, fingerprint());
  return { ...result, skipped: false };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const result = await install();
  if (result.code !== 0) printOutput(result.output);
  else print(result.skipped ? 'up to date' : `installed in ${formatSeconds(result.seconds)}`);
  process.exitCode = result.code;
}
