import { expect, test } from 'vitest';
import type { LegacyClient } from '../../src/gateway/session/legacy-session.ts';
import { SharedClients } from '../../src/gateway/session/shared-clients.ts';

const clientOf = (more: Partial<LegacyClient> = {}): LegacyClient => ({
  protocolVersion: '2025-11-25',
  capabilities: { roots: {} },
  infoText: '{"name":"a"}',
  ...more,
});

test('share() keeps what many sessions say of themselves once, and tells apart what differs', () => {
  const clients = new SharedClients();
  const first = clientOf();
  expect(clients.share(first)).toBe(first);
  expect(clients.share(clientOf())).toBe(first);
  for (const other of [
    clientOf({ protocolVersion: '2025-06-18' }),
    clientOf({ capabilities: {} }),
    clientOf({ infoText: '{"name":"b"}' }),
    clientOf({ infoText: undefined }),
  ]) {
    expect(clients.share(other)).toBe(other);
  }
});

test('share() remembers 64 clients, the oldest gives way, and none that says much of itself', () => {
  const clients = new SharedClients();
  const numbered = (n: number): LegacyClient => clientOf({ infoText: `{"name":"${n}"}` });
  const all = Array.from({ length: 65 }, (_, n) => clients.share(numbered(n)));
  expect(clients.share(numbered(64))).toBe(all[64]);
  expect(clients.share(numbered(1))).toBe(all[1]);
  expect(clients.share(numbered(0))).not.toBe(all[0]);
  const large = clientOf({ infoText: JSON.stringify({ name: 'x'.repeat(2_048) }) });
  clients.share(large);
  expect(clients.share({ ...large })).not.toBe(large);
});
