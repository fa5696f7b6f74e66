/** Runs one package's tests with vitest and reads the counts from its JSON report. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { print, root, run } from './workspace.mjs';

/** Names of the packages that have this test folder (`test` or `test-long`). */
export function testedPackages(folder) {
  const packages = join(root, 'packages');
  return readdirSync(packages)
    .filter((name) => existsSync(join(packages, name, folder)))
    .toSorted();
}

/** @returns {{ passed: number, failed: number, skipped: string[], failures: string[] }} nothing counted yet */
export function noCounts() {
  return { passed: 0, failed: 0, skipped: [], failures: [] };
}

/**
 * The names of the skipped tests, what failed once more (whoever reads only the end of a long output finds it
 * there), then the line that ends a run; sets the exit code.
 */
export function printCounts(counts) {
  for (const name of counts.skipped) print(`skipped ${name}`);
  for (const failure of counts.failures) print(`failed ${failure}`);
  print();
  print(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped.length} skipped`);
  process.exitCode = counts.failed === 0 ? 0 : 1;
}

function firstLines(messages) {
  const text = stripVTControlCharacters(messages.join(' | '));
  return text.length > 600 ? `${text.slice(0, 600)}…` : text;
}

function readCounts(file) {
  const counts = noCounts();
  if (!existsSync(file)) return counts;
  for (const suite of JSON.parse(readFileSync(file, 'utf8')).testResults) {
    for (const test of suite.assertionResults) {
      const name = `${relative(root, suite.name)}: ${test.fullName.trim()}`;
      if (test.status === 'passed') {
        counts.passed += 1;
      } else if (test.status === 'failed') {
        counts.failed += 1;
        counts.failures.push(`${name}: ${firstLines(test.failureMessages)}`);
      } else {
        counts.skipped.push(name);
      }
    }
  }
  return counts;
}

/** The result of the run, plus `tests`: how many passed and failed, the names of the skipped and what the failed say. */
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
