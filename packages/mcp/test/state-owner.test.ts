import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tempFolder, waitUntil } from '@cortex-os/testkit';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { createStateOwner, SOLE_OWNER, type StateOwner } from '../src/service/state-owner.ts';

const logger = pino({ level: 'silent' });

function ownerOf(stateFolder: string, configPath: string = '/c.json'): StateOwner {
  const owner = createStateOwner({ stateFolder, configPath }, logger);
  onTestFinished(async () => await owner.release());
  return owner;
}

async function owned(owner: StateOwner): Promise<void> {
  await waitUntil(() => owner.owns, { describe: 'it is owned' });
}

test('one of two owns a folder, and the other as soon as it is released', async () => {
  await using folder = tempFolder();
  const first = ownerOf(folder.path);
  const second = ownerOf(folder.path);
  first.start();
  await owned(first);
  second.start();
  let told = 0;
  second.onOwned(() => (told += 1));
  await waitUntil(() => !second.owns, { describe: 'the second waits' });
  await first.release();
  expect(first.owns).toBe(false);
  await owned(second);
  expect(told).toBe(1);
  second.onOwned(() => (told += 1));
  expect(told).toBe(2);
  await first.release();
});

test('other folders and other configurations have owners of their own', async () => {
  await using folder = tempFolder();
  await using other = tempFolder();
  const owners = [ownerOf(folder.path), ownerOf(folder.path, '/other.json'), ownerOf(other.path)];
  for (const owner of owners) owner.start();
  await Promise.all(owners.map(owned));
  expect(owners.map(({ owns }) => owns)).toEqual([true, true, true]);
});

test('the owner hears what the next one says, also after it has let go', async () => {
  await using folder = tempFolder();
  const first = ownerOf(folder.path);
  const second = ownerOf(folder.path);
  const heard: string[] = [];
  first.onTold((line) => heard.push(line));
  first.start();
  await owned(first);
  second.start();
  second.tell('too early: nobody is connected yet');
  await waitUntil(
    () => {
      second.tell('while it waits');
      return heard.length > 0;
    },
    { describe: 'it is heard' },
  );
  await first.release();
  await owned(second);
  second.tell('a line with ünïcode');
  await waitUntil(() => heard.includes('a line with ünïcode'), { describe: 'it is heard' });
  expect(heard).not.toContain('too early: nobody is connected yet');
});

test('what one of several processes says reaches all the others, whoever has it (S2)', async () => {
  await using folder = tempFolder();
  const owners = [ownerOf(folder.path), ownerOf(folder.path), ownerOf(folder.path)];
  const heard = owners.map(() => new Set<string>());
  for (const [index, owner] of owners.entries()) {
    owner.onTold((line) => heard[index]?.add(line));
    owner.start();
    if (index === 0) await owned(owner);
  }
  expect(owners[0]?.hasOthers || SOLE_OWNER.hasOthers, 'until the others are connected').toBe(
    false,
  );
  await waitUntil(
    () => {
      for (const [index, owner] of owners.entries()) owner.tell(`from ${index}`);
      return heard.every(({ size }) => size === 2);
    },
    { describe: 'each has heard the two others' },
  );
  expect(heard.map((lines) => [...lines].toSorted())).toEqual([
    ['from 1', 'from 2'],
    ['from 0', 'from 2'],
    ['from 0', 'from 1'],
  ]);
  expect(owners.map(({ hasOthers }) => hasOthers)).toEqual([true, true, true]);
});

test('release() before anything was taken ends the waiting', async () => {
  await using folder = tempFolder();
  const first = ownerOf(folder.path);
  const second = ownerOf(folder.path);
  first.start();
  await owned(first);
  second.start();
  await second.release();
  await first.release();
  expect(second.owns).toBe(false);
  await ownerOf(folder.path).release();
});

test('the folder of a process that was killed is owned by the next one at once', async () => {
  await using folder = tempFolder();
  const holder = fileURLToPath(new URL('state-holder.ts', import.meta.url));
  const child = fork(holder, [folder.path], { execArgv: ['--conditions=cortex-source'] });
  await once(child, 'message');
  const second = ownerOf(folder.path);
  second.start();
  const exit = once(child, 'exit');
  expect(second.owns).toBe(false);
  child.kill('SIGKILL');
  await exit;
  await owned(second);
});

test('SOLE_OWNER owns, and never does not', async () => {
  let told = 0;
  SOLE_OWNER.onOwned(() => (told += 1));
  SOLE_OWNER.start();
  SOLE_OWNER.tell('nothing');
  SOLE_OWNER.onTold(() => undefined);
  await SOLE_OWNER.release();
  expect([SOLE_OWNER.owns, told]).toEqual([true, 1]);
});

test('where no lock can be had, the process owns the state all the same, and says so', async () => {
  await using folder = tempFolder();
  const lines: string[] = [];
  const options = { stateFolder: join(folder.path, 'missing'), configPath: '/c.json' };
  const told = pino({ level: 'warn' }, { write: (line) => void lines.push(line) });
  const owner = createStateOwner(options, told, 'darwin');
  owner.start();
  await owned(owner);
  expect(lines.join('')).toContain('the state folder has no lock');
  owner.tell('nobody hears this');
  await owner.release();
  expect(owner.owns).toBe(false);
});

test('a file of the state folder is the lock on macOS and the BSDs', async () => {
  await using folder = tempFolder();
  const options = { stateFolder: folder.path, configPath: '/c.json' };
  const owner = createStateOwner(options, logger, 'darwin');
  owner.start();
  await owned(owner);
  expect(await readdir(folder.path)).toEqual([
    expect.stringMatching(/^cortex-mcp-state-.*\.lock$/),
  ]);
  await owner.release();
});

test('whoever connects and sends without end is cut off', async () => {
  await using folder = tempFolder();
  const first = ownerOf(folder.path);
  first.start();
  await owned(first);
  const hash = createHash('sha256').update(`${folder.path}\0/c.json`).digest('hex').slice(0, 32);
  const socket = connect({ path: `\0cortex-mcp-state-${hash}-${userInfo().uid}` });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
  });
  const chunk = Buffer.alloc(1_048_576, 'x');
  for (let sent = 0; sent < 8; sent += 1) socket.write(chunk);
  await closed;
  expect(first.owns).toBe(true);
});
