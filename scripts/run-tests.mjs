/** Runs one package's tests with vitest and reads the counts from its JSON report. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { print, root, run } from './workspace.mjs';

/** Names of the packages that have this test folder (`test` or `test-long`). */
export function testedPackages(folder) {
  const packages = join(root, 'packages');
  return readdirSync(packages)
    .filter((name) => existsSync(join(packages, name, folder)))
    .toSorted();
}

/** @returns {{ passed: number, failed: number, skipped: string[] }} nothing counted yet */
export function noCounts() {
  return { passed: 0, failed: 0, skipped: [] };
}

/** The names of the skipped tests, then the line that ends a run; sets the exit code. */
export function printCounts(counts) {
  for (const name of counts.skipped) print(`skipped ${name}`);
  print();
  print(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped.length} skipped`);
  process.exitCode = counts.failed === 0 ? 0 : 1;
}

function readCounts(file) {
  const counts = noCounts();
  if (!existsSync(file)) return counts;
  for (const suite of JSON.parse(readFileSync(file, 'utf8')).testResults) {
    for (const test of suite.assertionResults) {
      if (test.status === 'passed') counts.passed += 1;
      else if (test.status === 'failed') counts.failed += 1;
      else counts.skipped.push(`${relative(root, suite.name)}: ${test.fullName.trim()}`);
    }
  }
  return counts;
}

/** The result of the run, plus `tests`: how many passed and failed, and the names of the skipped ones. */
export async function runTests(packageName, reportFolder, args = []) {
  const reportFile = join(reportFolder, `${packageName}.json`);
  const result = await run(
    'vitest',
    [
      'run',
      '--config=../../vitest.config.ts',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${reportFile}`,
      ...args,
    ],
    { cwd: join(root, 'packages', packageName) },
  );
  return { ...result, tests: readCounts(reportFile) };
}
