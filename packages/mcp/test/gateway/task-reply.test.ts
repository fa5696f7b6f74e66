import { expect, test } from 'vitest';
import type { Reply } from '../../src/gateway/reply/reply.ts';
import { createTaskReply } from '../../src/gateway/call/task-reply.ts';

const METHODS = [
  'notify',
  'answer',
  'answerParts',
  'open',
  'chunk',
  'end',
  'abort',
  'drop',
  'keepAlive',
  'onDrain',
  'onGone',
  'tick',
  'suspend',
] as const;

const listener = (): void => undefined;

/** A reply that notes what it is told. */
function noting(): { readonly reply: Reply; readonly told: unknown[][] } {
  const told: unknown[][] = [];
  const entries = METHODS.map((name) => [
    name,
    (...args: unknown[]) => {
      told.push([name, ...args]);
      return name === 'notify' ? 'slow' : false;
    },
  ]);
  return { reply: Object.fromEntries(entries) as Reply, told };
}

test('createTaskReply() passes everything on that has no task in it', () => {
  const { reply, told } = noting();
  const tasks = createTaskReply(reply, { connectorId: 'c', place: 'task', created: undefined });
  const part = Buffer.from('x');
  expect(tasks.notify('{"method":"m"}')).toBe('slow');
  tasks.answer(200, part);
  tasks.answerParts([part]);
  tasks.open(7);
  expect(tasks.chunk(part)).toBe(false);
  tasks.end();
  tasks.abort();
  tasks.drop();
  tasks.keepAlive();
  tasks.onDrain(listener);
  tasks.onGone(listener);
  tasks.tick?.(1);
  tasks.suspend?.(2);
  expect(told).toEqual([
    ['notify', '{"method":"m"}'],
    ['answer', 200, part],
    ['answerParts', [part]],
    ['open', 7],
    ['chunk', part],
    ['end'],
    ['abort'],
    ['drop'],
    ['keepAlive'],
    ['onDrain', listener],
    ['onGone', listener],
    ['tick', 1],
    ['suspend', 2],
  ]);
});

test('createTaskReply() tells of the task that was made, by its server’s own id', () => {
  const { reply, told } = noting();
  const made: string[] = [];
  const created = (taskId: string): void => void made.push(taskId);
  const shared = createTaskReply(reply, { connectorId: 'c', place: 'task', created });
  shared.answer(200, '{"id":1,"result":{"task":{"taskId":"a"}}}');
  const own = createTaskReply(reply, { connectorId: undefined, place: 'taskId', created });
  own.answer(200, Buffer.from('{"id":1,"result":{"taskId":"b"}}'));
  own.answer(200, '{"id":1,"error":{"data":{"taskId":"c"}}}');
  expect(made).toEqual(['a', 'b']);
  expect(told.map(([, , body]) => body)).toEqual([
    '{"id":1,"result":{"task":{"taskId":"c:a"}}}',
    '{"id":1,"result":{"taskId":"b"}}',
    '{"id":1,"error":{"data":{"taskId":"c"}}}',
  ]);
});

test('createTaskReply() finds a task in an answer in parts, wherever it is cut', () => {
  const { reply, told } = noting();
  const made: string[] = [];
  const created = (taskId: string): void => void made.push(taskId);
  const shared = createTaskReply(reply, { connectorId: 'c', place: 'task', created });
  const whole = Buffer.from('{"id":1,"result":{"task":{"taskId":"a"}}}');
  for (const cut of [1, 30, 35]) {
    shared.answerParts([whole.subarray(0, cut), whole.subarray(cut)]);
  }
  expect(made).toEqual(['a', 'a', 'a']);
  expect(told.at(-1)).toEqual(['answer', 200, '{"id":1,"result":{"task":{"taskId":"c:a"}}}']);
});
