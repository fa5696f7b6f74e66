import { randomUUID } from 'node:crypto';
import { open, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { type Check, finding, formatBytes, GIB, MIB } from './doctor-finding.ts';

const LOW_BYTES = GIB;
const FULL_BYTES = 64 * MIB;
const SYNCS = 5;
const SYNC_BYTES = 4_096;
/** What a flush of the registry is promised in (S4-03). */
const SLOW_SYNC_MS = 50;

async function orUndefined<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch {
    return undefined; // not there, or not for us: said as such
  }
}

export const checkStateFolder: Check = async ({ stateFolder, platform }) => {
  const why = 'It holds keys and tokens: others of this machine must not enter it.';
  const facts = await orUndefined(stat(stateFolder));
  if (facts === undefined) {
    const text = {
      finding: `${stateFolder} is not there yet`,
      why,
      fix: 'the first start makes it',
    };
    return [finding('state-folder', 'info', text)];
  }
  const mode = facts.mode & 0o777;
  const shown = `${stateFolder}, mode ${mode.toString(8).padStart(4, '0')}, user ${facts.uid}`;
  if (platform === 'win32') return [finding('state-folder', 'unknown', { finding: shown, why })];
  const isOpen = (mode & 0o077) !== 0;
  const ownUid = process.getuid?.();
  const isForeign = ownUid !== undefined && ownUid !== 0 && facts.uid !== ownUid;
  const severity = !facts.isDirectory() || isForeign ? 'fail' : isOpen ? 'warn' : 'ok';
  return [
    finding('state-folder', severity, {
      finding: shown,
      why,
      fix: isForeign
        ? `run as its owner, or set CORTEX_HOME to a folder of this user`
        : `chmod 700 ${stateFolder}`,
    }),
  ];
};

export const checkDisk: Check = async ({ stateFolder }) => {
  const why = 'On a full disk registry, manifests and audit log are not written.';
  const facts = await orUndefined(statfs(stateFolder));
  if (facts === undefined) {
    return [finding('disk', 'unknown', { finding: `${stateFolder} is not there yet`, why })];
  }
  const free = facts.bavail * facts.bsize;
  const severity = free < FULL_BYTES ? 'fail' : free < LOW_BYTES ? 'warn' : 'ok';
  return [
    finding('disk', severity, {
      finding: `${formatBytes(free)} free for ${stateFolder}`,
      why,
      fix: 'free some; audit.maxFiles bounds what the audit log keeps',
    }),
  ];
};

/** Middle time to bring 4 KiB to the disk, in milliseconds. The file is removed again. */
async function syncTime(folder: string): Promise<number> {
  const path = join(folder, `.doctor-${randomUUID()}`);
  const file = await open(path, 'wx', 0o600);
  try {
    const times: number[] = [];
    for (let round = 0; round < SYNCS; round += 1) {
      const startedAtMs = performance.now();
      await file.write(Buffer.alloc(SYNC_BYTES));
      await file.datasync();
      times.push(performance.now() - startedAtMs);
    }
    return times.toSorted((a, b) => a - b)[Math.floor(SYNCS / 2)] ?? 0;
  } finally {
    await file.close();
    await rm(path, { force: true });
  }
}

export const checkSync: Check = async ({ stateFolder }) => {
  const why = 'Writes to the registry are answered when they are on the disk (S4-03).';
  if ((await orUndefined(stat(stateFolder))) === undefined) {
    return [finding('disk-sync', 'unknown', { finding: `${stateFolder} is not there yet`, why })];
  }
  const ms = await orUndefined(syncTime(stateFolder));
  if (ms === undefined) {
    return [
      finding('disk-sync', 'fail', {
        finding: `nothing can be written to ${stateFolder}`,
        why,
        fix: 'check its owner, its mode and whether the disk is full or read-only',
      }),
    ];
  }
  return [
    finding('disk-sync', ms > SLOW_SYNC_MS ? 'warn' : 'ok', {
      finding: `4 KiB are on the disk after ${ms.toFixed(1)} ms`,
      why,
      fix: 'put the state folder on a faster disk, or accept a window: registry durability interval',
    }),
  ];
};
