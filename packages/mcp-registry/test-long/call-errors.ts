import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as wait } from 'node:timers/promises';
import { injected } from '../test/lib/strace.ts';
import { inspect, live, report, role, type Verdict } from './lib/life.ts';

const calls = [
  'openat',
  'pread64',
  'pwrite64',
  'fdatasync',
  'fsync',
  'link',
  'rename',
  'unlink',
  'close',
];
/** What strace makes of call number `at`: it fails once, or it and all later ones. */
const actions = ['EIO', 'ENOSPC'].flatMap((code) => [
  (at: number) => `error=${code}:when=${at}`,
  (at: number) => `error=${code}:when=${at}+`,
]);
const maxCalls = 60;

async function forever(): Promise<void> {
  await wait(120_000, undefined, { ref: false });
}

/** One life in which one call fails; undefined when there was no such call any more. */
async function failOnce(call: string, action: string): Promise<Verdict | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'registry-long-'));
  const trace = `${folder}.trace`;
  try {
    const first = await live(role('short', folder), forever);
    const life = await live(
      role('stubborn', folder, injected(folder, call, action, trace)),
      forever,
    );
    if (!readFileSync(trace, 'utf8').includes('(INJECTED)')) return undefined;
    const verdict = await inspect(folder, Math.max(first.acked, life.acked), first.acked + 6);
    return { ...verdict, found: `${call} ${action}: ${verdict.found ?? verdict.failed}` };
  } finally {
    rmSync(folder, { recursive: true, force: true });
    rmSync(trace, { force: true });
  }
}

/** Fails the first call, then the second, until there is none. */
async function failEach(call: string, action: (at: number) => string): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (let at = 1; at <= maxCalls; at++) {
    const verdict = await failOnce(call, action(at));
    if (verdict === undefined) break;
    verdicts.push(verdict);
  }
  return verdicts;
}

function canTrace(part: string): boolean {
  if (spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0) return true;
  process.stdout.write(`${JSON.stringify({ part, skipped: 'strace cannot run here' })}\n`);
  return false;
}

/** F6: every call on the registry's files fails once, and from there on for good. Gives the failures. */
export async function failAtCalls(): Promise<number> {
  const part = 'F6 each system call failing, once and for good';
  if (!canTrace(part)) return 0;
  const verdicts: Verdict[] = [];
  for (const call of calls)
    for (const action of actions) verdicts.push(...(await failEach(call, action)));
  return report(part, verdicts);
}

/** F17: a disk that takes 5 s to sync. Gives 1 when readers were held up or writes did not share a sync. */
export async function slowDisk(): Promise<number> {
  const part = 'F17 5 s for each sync';
  if (!canTrace(part)) return 0;
  const folder = mkdtempSync(join(tmpdir(), 'registry-long-'));
  const trace = `${folder}.trace`;
  const under = injected(folder, 'fdatasync', 'delay_enter=5000000', trace);
  const life = await live(role('slow', folder, under), forever);
  const longestMs = Number(/^longest (\d+)$/mu.exec(life.printed)?.[1]);
  const syncs = readFileSync(trace, 'utf8').match(/fdatasync\(/gu)?.length ?? 0;
  rmSync(folder, { recursive: true, force: true });
  rmSync(trace, { force: true });
  const failed = !(longestMs < 1_000) || syncs > 6 || !life.closed;
  process.stdout.write(`${JSON.stringify({ part, writes: 100, syncs, longestMs, failed })}\n`);
  return failed ? 1 : 0;
}
