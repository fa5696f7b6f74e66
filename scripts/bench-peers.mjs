/**
 * `pnpm bench:peers [--quick]`: installs other gateways of npm into a cache outside the workspace, unless they are there,
 * and runs the bench that compares ours with them on the rows they can run.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { print, printOutput, root, run, workspaceEnv, workspaceNode } from './workspace.mjs';

/** Fixed, so that two records speak of the same programs. */
const peers = { 'mcp-hub': '4.2.1', mcporter: '0.12.3' };
const cache = join(root, 'node_modules', '.cache', 'bench-peers');

function installed([name, version]) {
  const manifest = join(cache, 'node_modules', name, 'package.json');
  return existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).version === version;
}

if (!Object.entries(peers).every(installed)) {
  mkdirSync(cache, { recursive: true });
  writeFileSync(join(cache, 'package.json'), JSON.stringify({ private: true }));
  const wanted = Object.entries(peers).map(([name, version]) => `${name}@${version}`);
  print(`installing ${wanted.join(', ')} into ${cache}`);
  const args = ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...wanted];
  const { code, output } = await run('npm', args, { cwd: cache });
  if (code !== 0) {
    printOutput(output);
    process.exit(1);
  }
}
const { status } = spawnSync(
  workspaceNode,
  [join(root, 'scripts', 'bench.mjs'), 'peers', ...process.argv.slice(2)],
  { stdio: 'inherit', env: workspaceEnv() },
);
process.exitCode = status ?? 1;
