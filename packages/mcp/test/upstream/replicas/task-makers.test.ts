import { expect, test } from 'vitest';
import { TaskMakers } from '../../../src/upstream/replicas/task-makers.ts';
import { REQUEST } from '../../guards/gate-fixture.ts';

test('S2-17 a task is known by its maker, however its answer was cut', () => {
  const text = JSON.stringify({ jsonrpc: '2.0', id: 7, result: { taskId: 'tä' } });
  const asked = { ...REQUEST, method: 'tasks/get', members: [{ key: 'taskId', text: '"tä"' }] };
  const body = Buffer.from(text);
  const whole = new TaskMakers<string>();
  whole.noteMessage(body, 'whole');
  expect(whole.askedBy(asked)).toBe('whole');
  for (let at = 1; at < body.length; at += 1) {
    const makers = new TaskMakers<number>();
    makers.noteMessage([body.subarray(0, at), body.subarray(at)], at);
    expect(makers.askedBy(asked)).toBe(at);
  }
});
