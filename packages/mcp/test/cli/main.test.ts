import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { exitCodeOfSignal } from '../../src/cli/exit-code.ts';
import { main } from '../../src/cli/main.ts';
import { silentServer } from './fake-io.ts';

test('main() returns the exit code and takes its signal handlers away again', async () => {
  const before = process.listenerCount('SIGINT');
  expect(await main(['--no-such-option'])).toBe(2);
  expect(process.listenerCount('SIGINT')).toBe(before);
});

test('main() ends a command in order on the first signal', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'cortex-main-'));
  onTestFinished(async () => await rm(folder, { recursive: true, force: true }));
  const config = join(folder, 'c.json');
  await writeFile(config, JSON.stringify({ mcpServers: { silent: silentServer } }));
  const before = process.listenerCount('SIGTERM');
  const running = main(['sync', '--config', config]);
  expect(process.listenerCount('SIGTERM')).toBeGreaterThan(before);
  process.emit('SIGTERM', 'SIGTERM');
  expect(await running).toBe(143);
});

test('exitCodeOfSignal() counts as shells do', () => {
  expect(['SIGHUP', 'SIGINT', 'SIGTERM', 'other'].map(exitCodeOfSignal)).toEqual([
    129, 130, 143, 143,
  ]);
});

test('main() ends a command on the message by which pm2 stops a worker', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'cortex-main-'));
  onTestFinished(async () => await rm(folder, { recursive: true, force: true }));
  const config = join(folder, 'c.json');
  await writeFile(config, JSON.stringify({ mcpServers: { silent: silentServer } }));
  // A program that was started with a channel to its parent.
  const given = Object.getOwnPropertyDescriptor(process, 'send');
  Object.defineProperty(process, 'send', { configurable: true, value: () => true });
  onTestFinished(() => {
    if (given === undefined) Reflect.deleteProperty(process, 'send');
    else Object.defineProperty(process, 'send', given);
  });
  const before = process.listenerCount('message');
  const running = main(['sync', '--config', config]);
  process.emit('message', 'something else', undefined);
  process.emit('message', 'shutdown', undefined);
  process.emit('message', 'shutdown', undefined);
  expect(await running).toBe(143);
  expect(process.listenerCount('message')).toBe(before);
});
