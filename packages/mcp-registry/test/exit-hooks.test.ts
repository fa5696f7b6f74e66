import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { installExitHooks } from '../src/exit-hooks.ts';

function fakeProcess() {
  const done: string[] = [];
  const process = Object.assign(new EventEmitter(), {
    pid: 1,
    kill: (_pid: number, signal: string) => done.push(`kill ${signal}`),
  });
  const fail = { on: '' };
  const act = (name: string) => async () => {
    done.push(name);
    if (fail.on === name) throw new Error('on purpose');
  };
  const remove = installExitHooks(process, {
    flush: act('flush'),
    close: act('close'),
    flushNow: () => {
      done.push('flushNow');
      if (fail.on === 'flushNow') throw new Error('on purpose');
    },
    onError: () => done.push('error'),
  });
  return { process, done, fail, remove };
}

test('a signal nobody else handles closes, then ends the process the same way (B7.22)', async () => {
  const { process, done } = fakeProcess();
  process.emit('SIGTERM');
  await expect.poll(() => done).toEqual(['close', 'kill SIGTERM']);
  expect(process.listenerCount('SIGTERM')).toBe(0);
});

test('a signal somebody else handles only flushes', async () => {
  const { process, done } = fakeProcess();
  process.on('SIGINT', () => done.push('theirs'));
  process.emit('SIGINT');
  await expect.poll(() => done).toEqual(['flush', 'theirs']);
});

test('beforeExit closes and exit writes synchronously', async () => {
  const { process, done } = fakeProcess();
  process.emit('beforeExit');
  process.emit('exit');
  await expect.poll(() => done).toEqual(['close', 'flushNow']);
});

test('a failure is told and does not keep the process from ending', async () => {
  const { process, done, fail } = fakeProcess();
  fail.on = 'flushNow';
  process.emit('exit');
  fail.on = 'close';
  process.emit('SIGTERM');
  await expect.poll(() => done).toEqual(['flushNow', 'error', 'close', 'error', 'kill SIGTERM']);
});

test('the hooks can be taken away', () => {
  const { process, remove } = fakeProcess();
  remove();
  expect(process.eventNames()).toEqual([]);
});
