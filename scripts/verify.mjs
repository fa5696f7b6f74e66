/**
 * `npm test` and `.ci/run`: installs, then runs every check there is, without stopping at the first failure.
 * Ends with a line `N passed, N failed, N skipped` (tests and steps together) and exits 1 when anything failed.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { install } from './install.mjs';
import { noCounts, printCounts, runTests, testedPackages } from './run-tests.mjs';
import {
  endRunningCommandsOnSignal,
  formatSeconds,
  print,
  printOutput,
  root,
  run,
  workspaceNode,
} from './workspace.mjs';

const node = workspaceNode;

// Build comes before the tests: some of them start the built command line.
const checksBeforeTests = [
  ['format', 'oxfmt', '--check', '.'],
  ['lint', 'oxlint'],
  ['types', 'tsc'],
  ['types of the page', 'tsc', '-p', 'packages/dashboard'],
  ['dead code', 'knip'],
  ['boundaries', 'turbo', 'boundaries'],
  ['build', 'turbo', 'run', 'build'],
];
const checksAfterTests = [
  ['packages', 'turbo', 'run', 'test:package'],
  ['docs', node, join(root, 'scripts', 'check-docs.mjs')],
  ['docs made', node, join(root, 'scripts', 'docs-generate.mjs'), '--check'],
  ['docs tried', node, join(root, 'scripts', 'docs-run.mjs')],
  ['example types', 'tsc', '-p', join('examples', 'embed')],
  ['example embed', node, join(root, 'examples', 'embed', 'embed.ts')],
];

const total = noCounts();

function report(name, result) {
  print(`${result.code === 0 ? 'ok    ' : 'FAILED'} ${name} (${formatSeconds(result.seconds)})`);
  for (const failure of result.tests?.failures ?? []) print(`failed ${failure}`);
  if (result.code !== 0) printOutput(result.output);
}

async function check([name, command, ...args]) {
  const result = await run(command, args);
  report(name, result);
  if (result.code === 0) {
    total.passed += 1;
  } else {
    total.failed += 1;
    total.failures.push(name);
  }
}

async function checkTests(packageName, folder) {
  const result = await runTests(packageName, folder, ['--coverage']);
  const { passed, failed, skipped, failures } = result.tests;
  report(`tests ${packageName}: ${passed} passed, ${failed} failed`, result);
  total.passed += passed;
  total.failed += failed;
  total.skipped.push(...skipped);
  total.failures.push(...failures);
  // The run is a step of its own: every test can pass while the coverage gate does not.
  if (result.code === 0) {
    total.passed += 1;
  } else if (failed === 0) {
    total.failed += 1;
    total.failures.push(`tests ${packageName}: a coverage gate, or an error outside of the tests`);
  }
}

endRunningCommandsOnSignal();
const startedAt = performance.now();
const installed = await install();
report(installed.skipped ? 'install, up to date' : 'install', installed);
if (installed.code === 0) {
  total.passed += 1;
  const folder = mkdtempSync(join(tmpdir(), 'cortex-verify-'));
  try {
    for (const step of checksBeforeTests) await check(step);
    for (const name of testedPackages('test')) await checkTests(name, folder);
    for (const step of checksAfterTests) await check(step);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
} else {
  total.failed += 1;
}
print(`${formatSeconds((performance.now() - startedAt) / 1000)} in all`);
printCounts(total);
