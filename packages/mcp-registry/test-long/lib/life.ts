import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { openFileStore } from '../../src/store/file-store.ts';
import { readStored } from '../../src/stored-record.ts';

const child = fileURLToPath(new URL('../../test/lib/child-main.ts', import.meta.url));

/** What was found in a folder after a fault. */
export interface Verdict {
  readonly lost: boolean;
  /** For people: what there was. */
  readonly found?: string;
  readonly strays: readonly string[];
  readonly warnings: readonly string[];
  readonly failed?: string;
}

/** What a process said before it ended. */
export interface Life {
  readonly acked: number;
  readonly closed: boolean;
  readonly printed: string;
}

/** Runs a role of the test child until it ends or `until` resolves, which kills it. */
export async function live(
  command: readonly string[],
  until: (printed: () => string, running: ChildProcess) => Promise<void>,
): Promise<Life> {
  const [program = '', ...args] = command;
  const running = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, UV_THREADPOOL_SIZE: '1' },
  });
  let printed = '';
  running.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const ended = once(running, 'close');
  await Promise.race([ended, until(() => printed, running)]);
  running.kill('SIGKILL');
  await ended;
  const acked = [...printed.matchAll(/^acked (\d+)$/gmu)].map((match) => Number(match[1]));
  return { acked: Math.max(-1, ...acked), closed: printed.includes('closed'), printed };
}

/** The command that runs a role of the test child. */
export function role(name: string, folder: string, under: readonly string[] = []): string[] {
  return [...under, process.execPath, child, name, folder];
}

/**
 * Opens what is left and compares it with what was acknowledged. `tried` is the last write that may have arrived; a write
 * that was cut off or refused may have, too. Default: the one after the last acknowledged.
 */
export async function inspect(
  folder: string,
  acked: number,
  tried: number = acked + 1,
): Promise<Verdict> {
  const warnings: string[] = [];
  try {
    const store = await openFileStore({
      path: join(folder, 'servers.json'),
      onWarning: (warning) => warnings.push(warning.kind),
    });
    const { records } = await store.load();
    await store.close();
    const numbers = Array.from(records.values(), (record) => Number(readStored(record)['n']));
    const newest = Math.max(-1, ...numbers);
    const whole = numbers.every((n) => n > newest - 50);
    const expected = Math.min(50, newest + 1);
    const lost = newest < acked || newest > tried || !whole || records.size !== expected;
    return {
      lost,
      found: `newest ${newest} of ${records.size}, acknowledged ${acked}, tried ${tried}`,
      strays: readdirSync(folder).filter((name) => /next|probe/u.test(name)),
      warnings,
    };
  } catch (error) {
    return { lost: true, strays: [], warnings, failed: String(error) };
  }
}

/** Prints one line; gives the number of rounds that went wrong. */
export function report(
  part: string,
  verdicts: readonly Verdict[],
  more: Record<string, unknown> = {},
): number {
  const lost = verdicts.filter((one) => one.lost).length;
  const strays = verdicts.filter((one) => one.strays.length > 0).length;
  const warned = verdicts.filter((one) => one.warnings.length > 0).length;
  const failed = verdicts
    .filter((one) => one.lost || one.failed !== undefined)
    .map(({ found, failed: error }) => error ?? found);
  const line = { part, rounds: verdicts.length, lost, strays, warned, ...more, failed };
  process.stdout.write(`${JSON.stringify(line)}\n`);
  return lost + strays;
}
