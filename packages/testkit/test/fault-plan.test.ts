import { expect, test } from 'vitest';
import { createFaultPlan, type FaultTarget } from '../src/fault-plan.ts';
import type { Fault } from '../src/index.ts';

const call: FaultTarget = { method: 'tools/call', isRequest: true, hasSession: false };
const initialize: FaultTarget = { method: 'initialize', isRequest: true, hasSession: false };
const note: FaultTarget = { method: 'notifications/x', isRequest: false, hasSession: true };
const get: FaultTarget = { method: 'GET', isRequest: false, hasSession: true };

test.each([
  [{ kind: 'hang-before-headers' }, [true, true, true, true]],
  [{ kind: 'reset' }, [true, true, true, true]],
  [{ kind: 'status', status: 500 }, [true, true, true, true]],
  [{ kind: 'session-404' }, [false, false, true, true]],
  [{ kind: 'session-400' }, [false, false, true, true]],
  [{ kind: 'never-handshake' }, [false, true, false, false]],
  [{ kind: 'crash', at: 'start' }, [false, false, false, false]],
  [{ kind: 'crash', at: 'handshake' }, [false, true, false, false]],
  [{ kind: 'crash', at: 'call' }, [true, false, false, false]],
  [{ kind: 'tcp-refuse' }, [false, false, false, false]],
  [{ kind: 'hang-mid-body' }, [true, true, false, false]],
  [{ kind: 'oversize', bytes: 1 }, [true, true, false, false]],
  [{ kind: 'sse-cut', method: 'GET' }, [false, false, false, true]],
] satisfies [Fault, boolean[]][])('%o applies to call, initialize, note, GET: %o', (fault, met) => {
  const applies = [call, initialize, note, get].map(
    (target) => createFaultPlan([fault]).next(target) === fault,
  );
  expect(applies).toEqual(met);
});

test('next() takes the first fault within its scope and counts it', () => {
  const first = { kind: 'status', status: 500, times: 1, after: 1 } as const;
  const second = { kind: 'status', status: 503, times: 2 } as const;
  const plan = createFaultPlan([first, second]);
  const taken = Array.from({ length: 5 }, () => plan.next(call));
  expect(taken).toEqual([second, first, second, undefined, undefined]);
});

test('a plan continues the count of another one', () => {
  const faults = [{ kind: 'reset', times: 2 }] as const;
  const met: number[] = [];
  const earlier = createFaultPlan(faults, { onMet: (index) => met.push(index) });
  earlier.next(call);
  const later = createFaultPlan(faults, { met: new Map([[0, met.length]]) });
  expect([later.next(call), later.next(call)]).toEqual([faults[0], undefined]);
});

test('meet() counts occasions that are not messages', () => {
  const crash = { kind: 'crash', at: 'start', times: 1 } as const;
  const plan = createFaultPlan([crash]);
  expect(plan.find('crash')).toBe(crash);
  expect([plan.meet(crash), plan.meet(crash)]).toEqual([true, false]);
});
