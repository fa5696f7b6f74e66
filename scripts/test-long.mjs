/** `npm run test:long`: the tests that take minutes, in the packages that have a `test-long` folder. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { install } from './install.mjs';
import { noCounts, printCounts, runTests, testedPackages } from './run-tests.mjs';
import { endRunningCommandsOnSignal, formatSeconds, print, printOutput } from './workspace.mjs';

endRunningCommandsOnSignal();
const installed = await install();
if (installed.code !== 0) {
  printOutput(installed.output);
  process.exit(1);
}

const folder = mkdtempSync(join(tmpdir(), 'cortex-test-long-'));
const total = noCounts();
try {
  for (const name of testedPackages('test-long')) {
    // The mode makes vitest.config.ts look into `test-long` instead of `test`.
    const result = await runTests(name, folder, ['--mode=long']);
    print(`${result.code === 0 ? 'ok    ' : 'FAILED'} ${name} (${formatSeconds(result.seconds)})`);
    if (result.code !== 0) printOutput(result.output);
    total.passed += result.tests.passed;
    total.failed += result.tests.failed || (result.code === 0 ? 0 : 1);
    total.skipped.push(...result.tests.skipped);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
printCounts(total);
