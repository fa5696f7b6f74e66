import { expect, test } from 'vitest';
import type { GuardableUpstream } from '../../../src/upstream/guarded-upstream.ts';
import { ReplicaCall } from '../../../src/upstream/replicas/replica-call.ts';
import { Replica } from '../../../src/upstream/replicas/replica.ts';
import {
  DEADLINE_EXCEEDED,
  type CallGate,
  type ForwardRequest,
  type ForwardSink,
} from '../../../src/upstream/upstream.ts';
import { REQUEST, callThrough, scriptedLine } from '../../guards/gate-fixture.ts';

/** A call at one replica, whose server and client do what the test says. */
function callAtReplica() {
  const line = scriptedLine();
  const upstream = {
    forward: (request: ForwardRequest, sink: ForwardSink) => line.send(request, sink),
  } as unknown as GuardableUpstream;
  const replica = new Replica(upstream, { key: '1', name: '1', weight: 1 }, () => 0);
  const failed: Replica[] = [];
  const gate = {
    forward: (_request: ForwardRequest, sink: ForwardSink) => {
      const call = new ReplicaCall({
        request: REQUEST,
        sink,
        next: () => undefined,
        failed: (one) => failed.push(one),
      });
      call.start(replica);
      return call;
    },
  };
  const { handle } = callThrough(gate as unknown as CallGate, line);
  return { line, replica, failed, handle };
}

test('S2-17 a deadline that passes in silence counts against its replica, once, and is told to the server', () => {
  const { line, replica, failed, handle } = callAtReplica();
  handle.cancel(DEADLINE_EXCEEDED);
  expect(failed).toEqual([replica]);
  expect(replica.inFlight).toBe(0);
  expect(line.log).toEqual([`7 ${DEADLINE_EXCEEDED}`]);
});

test('S2-17 a client that reads nothing or hangs up counts against no replica (T4)', () => {
  const slow = callAtReplica();
  slow.handle.pause();
  slow.handle.cancel(DEADLINE_EXCEEDED);
  const gone = callAtReplica();
  gone.handle.cancel('the client closed the connection');
  expect([...slow.failed, ...gone.failed]).toEqual([]);
  expect(slow.replica.inFlight + gone.replica.inFlight).toBe(0);
});
