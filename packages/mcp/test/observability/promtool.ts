import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What `promtool` says, and whether it is content. */
export interface PromtoolAnswer {
  readonly ok: boolean;
  readonly text: string;
}

/** Runs `promtool` (Debian: package `prometheus`); undefined when it is not installed. */
export async function promtool(...args: string[]): Promise<PromtoolAnswer | undefined> {
  try {
    const { stdout, stderr } = await run('promtool', args, { timeout: 60_000 });
    return { ok: true, text: stdout + stderr };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (Reflect.get(error, 'code') === 'ENOENT') return undefined;
    return { ok: false, text: `${Reflect.get(error, 'stdout')}${Reflect.get(error, 'stderr')}` };
  }
}

export const NO_PROMTOOL = 'promtool is not installed (Debian: apt install prometheus)';
