/**
 * Runs the official conformance suites against our fixture server, directly and through a gateway, and prints what
 * passes and what differs. Run it with `node --conditions=cortex-source scripts/conformance.mjs`.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from './workspace.mjs';

const folder = join(root, 'packages/mcp/test/conformance');
const load = async (name) => import(pathToFileURL(join(folder, name)).href);
const { startConformanceTargets } = await load('conformance-targets.ts');
const { compareOutcomes, failedOf, passedOf, runSuite } = await load('run-suite.ts');
const { SUITE_NAMES, SUITES } = await load('suites.ts');

const say = (line) => process.stdout.write(`${line}\n`);

function count(outcome) {
  return `${passedOf(outcome).length} passed, ${failedOf(outcome).length} failed or warned`;
}

function show(outcome, checks, sign) {
  for (const check of checks) {
    const { status = 'not reported', message = '' } = outcome.get(check) ?? {};
    say(`  ${sign} ${check}\n      ${status} ${message}`);
  }
}

const targets = await startConformanceTargets();
try {
  for (const name of SUITE_NAMES) {
    const run = async (target) => runSuite(SUITES[name], { leg: 'server', target });
    const direct = await run(targets.direct);
    say(`${name} direct: ${count(direct)}`);
    for (const column of ['same', 'across']) {
      const outcome = await run(targets[column](name));
      const { missing, extra } = compareOutcomes(direct, outcome);
      say(`${name} ${column}: ${count(outcome)}`);
      show(outcome, missing, '-');
      show(outcome, extra, '+');
    }
  }
} finally {
  await targets[Symbol.asyncDispose]();
}
