import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempFolder } from '@cortex-os/testkit';
import type { Suite } from './suites.ts';

/** A scenario without an answer waits for as long as its client does: a minute. */
const TIMEOUT_MS = 75_000;

/** What the suite writes about one check. */
interface WrittenCheck {
  readonly id: string;
  readonly status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'INFO' | 'SKIPPED';
  readonly errorMessage?: string;
}

/** The outcome of one check; the n-th of the same name in a scenario has `#n` at its end, from the second on. */
export interface CheckOutcome {
  /** `scenario:check` */
  readonly name: string;
  /** `INFO` and `SKIPPED`: it does not apply. `WARNING`: something that should be is not. */
  readonly status: WrittenCheck['status'];
  /** What the suite said. */
  readonly message: string | undefined;
}

/** Outcomes by `scenario:check`. */
export type SuiteOutcome = ReadonlyMap<string, CheckOutcome>;

export function passedOf(outcome: SuiteOutcome): string[] {
  return namesOf(outcome, ['SUCCESS']);
}

export function failedOf(outcome: SuiteOutcome): string[] {
  return namesOf(outcome, ['FAILURE', 'WARNING']);
}

function namesOf(outcome: SuiteOutcome, statuses: readonly CheckOutcome['status'][]): string[] {
  return [...outcome.values()]
    .filter(({ status }) => statuses.includes(status))
    .map(({ name }) => name)
    .toSorted();
}

/** How a run differs from the direct one in what passes. */
export interface OutcomeDifference {
  /** Pass directly and not here. */
  readonly missing: readonly string[];
  /** Pass here and not directly. */
  readonly extra: readonly string[];
}

export function compareOutcomes(direct: SuiteOutcome, other: SuiteOutcome): OutcomeDifference {
  const left = passedOf(direct);
  const right = passedOf(other);
  return {
    missing: left.filter((name) => !right.includes(name)),
    extra: right.filter((name) => !left.includes(name)),
  };
}

function addScenario(
  outcomes: Map<string, CheckOutcome>,
  scenario: string,
  checks: readonly WrittenCheck[],
): void {
  const seen = new Map<string, number>();
  for (const { id, status, errorMessage: message } of checks) {
    const count = (seen.get(id) ?? 0) + 1;
    seen.set(id, count);
    const name = `${scenario}:${id}${count === 1 ? '' : `#${count}`}`;
    outcomes.set(name, { name, status, message });
  }
}

async function readOutcomes(folder: string): Promise<SuiteOutcome> {
  const outcomes = new Map<string, CheckOutcome>();
  // `server-<scenario>-<time>` of a server run, `<scenario>-<time>` of a client run, in folders where its name has a slash.
  const files = await readdir(folder, { recursive: true });
  for (const file of files.filter((name) => name.endsWith('checks.json')).toSorted()) {
    const scenario = file
      .replace(/\/checks\.json$/u, '')
      .replace(/-\d{4}-\d{2}-\d{2}T[\d-]+Z$/u, '')
      .replace(/^server-(?=.)/u, '');
    const checks = JSON.parse(await readFile(join(folder, file), 'utf8')) as WrittenCheck[];
    addScenario(outcomes, scenario, checks);
  }
  return outcomes;
}

export interface RunSuiteOptions {
  /** `server` tests a server at a URL, `client` starts a command for each scenario. */
  readonly leg: 'server' | 'client';
  /** The URL or the command. */
  readonly target: string;
  /** One scenario at its revision, instead of all of the suite. */
  readonly only?: {
    readonly scenario: string;
    readonly specVersion: string | undefined;
    /** Although it is none of that revision. */
    readonly force?: boolean;
  };
}

function selectionOf(suite: Suite, only: RunSuiteOptions['only']): readonly string[] {
  if (only === undefined) return suite.selection;
  const { scenario, specVersion, force = false } = only;
  const version = specVersion === undefined ? [] : ['--spec-version', specVersion];
  return ['--scenario', scenario, ...version, ...(force ? ['--force'] : [])];
}

/**
 * Runs a suite as a process of its own and reads what it wrote. Its own verdict is not asked. A suite that hangs is
 * ended; what it has not reported has not passed.
 */
export async function runSuite(suite: Suite, options: RunSuiteOptions): Promise<SuiteOutcome> {
  await using folder = tempFolder('conformance-');
  const { leg, target, only } = options;
  const flag = leg === 'server' ? '--url' : '--command';
  const child = spawn(
    process.execPath,
    [suite.program, leg, flag, target, '-o', folder.path, ...selectionOf(suite, only)],
    { stdio: ['ignore', 'pipe', 'pipe'], cwd: folder.path },
  );
  let said = '';
  const listen = (chunk: Buffer): void => {
    said = (said + chunk.toString()).slice(-4_000);
  };
  child.stdout.on('data', listen);
  child.stderr.on('data', listen);
  const timer = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS);
  await once(child, 'close');
  clearTimeout(timer);
  const outcomes = await readOutcomes(folder.path);
  if (outcomes.size === 0) throw new Error(`the suite wrote no results: ${said}`);
  return outcomes;
}
