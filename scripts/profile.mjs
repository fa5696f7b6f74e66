/** `pnpm run profile call|list|sync|memory`: where time or memory of the gateway at work goes, with a flame graph; options in bench/profile.ts. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { resultsFolder } from './bench-records.mjs';
import { root, workspaceEnv, workspaceNode } from './workspace.mjs';

const args = process.argv.slice(2);
const place = args.includes('--out') ? [] : ['--out', resultsFolder];
const { status } = spawnSync(
  workspaceNode,
  ['--conditions=cortex-source', join('bench', 'profile.ts'), ...args, ...place],
  { cwd: join(root, 'packages', 'mcp'), stdio: 'inherit', env: workspaceEnv() },
);
process.exitCode = status ?? 1;
