import { expect, test } from 'vitest';
import { Cancellation } from '../../src/gateway/call/cancellation.ts';
import { SessionCalls } from '../../src/gateway/session/session-calls.ts';

test('SessionCalls tells the number 1 from the text "1", and forgets what is over', () => {
  const calls = new SessionCalls();
  const [number, text, other] = [new Cancellation(), new Cancellation(), new Cancellation()];
  calls.set(1, number);
  calls.set('1', text);
  calls.set(2, other);
  expect(calls.get(1)).toBe(number);
  expect(calls.get('1')).toBe(text);
  calls.delete(1);
  calls.delete(1);
  expect(calls.get(1)).toBeUndefined();
  expect(calls.get('1')).toBe(text);
  expect(calls.get(2)).toBe(other);
  expect(calls.size).toBe(2);
  calls.delete(2);
  expect(calls.all()).toEqual([text]);
  calls.delete('1');
  expect(calls.size).toBe(0);
});
