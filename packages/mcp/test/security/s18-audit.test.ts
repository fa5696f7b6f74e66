import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { startUpstream, waitUntil, type HttpUpstream } from '@cortex-os/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readAudit, type AuditLine } from '../audit/read-audit.ts';
import { ask, bearer } from '../auth/guarded-gateway.ts';
import { modernBody, modernHeaders, send } from '../gateway/raw-client.ts';
import { expectNoStall, servers, startAttacked, type AttackedGateway } from './attacked-gateway.ts';

// OWASP MCP08. What a record holds: audit/audit-calls.test.ts.

let upstream: HttpUpstream;
let gateway: AttackedGateway;
let allowed: string;

beforeAll(async () => {
  upstream = await startUpstream({ kind: 'modern-http' });
  gateway = await startAttacked({
    config: {
      mcpServers: servers({ m: upstream.url }),
      auth: { limits: { failuresPerMinute: 0, addressPerMinute: 0 } },
    },
    keys: [{ tools: { allow: ['m__echo', 'm__throw'] } }],
  });
  [allowed = ''] = gateway.keys;
  await call('m__echo', 'warm');
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await upstream.close();
});

const call = async (name: string, message: string, key = allowed) =>
  await ask(gateway.url, key, 'tools/call', { name, arguments: { message } });

const digest = (message: string): string =>
  createHash('sha256').update(JSON.stringify({ message })).digest('hex').slice(0, 32);

const lines = async (): Promise<AuditLine[]> => await readAudit(gateway.stateFolder);

/** The records, once there are so many. */
async function records(count: number): Promise<AuditLine[]> {
  await waitUntil(async () => (await lines()).length >= count, {
    timeoutMs: 15_000,
    describe: `${count} records`,
  });
  return await lines();
}

test('S18: a thousand calls at once, allowed, denied, failed, unknown and malformed, have one record each', async () => {
  const before = (await records(1)).length;
  await gateway.probe();
  const kinds = ['m__echo', 'm__throw', 'm__fail', 'nobody__x'];
  const sent = Array.from(
    { length: 1_000 },
    (_, n) => [kinds[n % 4] ?? '', `message ${n}`] as const,
  );
  for (let at = 0; at < sent.length; at += 100) {
    await Promise.all(
      sent.slice(at, at + 100).map(async ([name, message]) => await call(name, message)),
    );
  }
  const made = (await records(before + 1_000)).slice(before);
  await expectNoStall(gateway);
  expect(made).toHaveLength(1_000);
  const byArguments = new Map(made.map((line) => [line['args'], line]));
  for (const [name, message] of sent.filter(([one]) => one === 'm__echo' || one === 'm__throw')) {
    expect(byArguments.get(digest(message))).toMatchObject({ name });
  }
  const outcomes = (name: string): unknown[] => [
    ...new Set(made.filter((line) => line['name'] === name).map(({ outcome }) => outcome)),
  ];
  expect(outcomes('m__echo')).toEqual(['ok']);
  expect(outcomes('m__throw')).toEqual(['error']);
  expect(outcomes('m__fail')).toEqual(['denied']);
  expect(outcomes('nobody__x')).toEqual([expect.stringMatching(/^(unknown|denied)$/)]);
  for (const { principal, ts } of made)
    expect([typeof principal, typeof ts]).toEqual(['string', 'string']);
});

test('S18: one that is refused before it is routed has a record too', async () => {
  const before = (await records(1)).length;
  const refusals = [
    {
      headers: modernHeaders('tools/call', 'm__fail'),
      body: modernBody('tools/call', { name: 'm__echo' }),
    },
    {
      headers: modernHeaders('tools/call', 'm__echo'),
      body: modernBody('tools/call', { name: 7 }),
    },
  ];
  for (const { headers, body } of refusals) {
    await send(gateway.url, { headers: { ...bearer(allowed), ...headers }, body });
  }
  const made = (await records(before + 2)).slice(before);
  expect(made.map(({ outcome }) => outcome)).toEqual(['refused', 'refused']);
});

test('S18: the log only grows, nobody else can read it, and what it says cannot forge a line', async () => {
  const path = join(gateway.stateFolder, 'audit.jsonl');
  const before = await readFile(path, 'utf8');
  const forged = '"}\n{"ts":"2026-01-01T00:00:00Z","principal":"root","outcome":"ok"}\r\n\u2028';
  const count = before.split('\n').length - 1;
  await ask(gateway.url, allowed, 'tools/call', { name: forged, arguments: {} }).catch(
    () => undefined,
  );
  await send(gateway.url, {
    headers: bearer(allowed),
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: forged } }),
  });
  await call('m__echo', 'after');
  const made = await records(count + 1);
  const text = await readFile(path, 'utf8');
  expect(text.startsWith(before)).toBe(true);
  expect(made.filter(({ principal }) => principal === 'root')).toEqual([]);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(text).not.toContain('message 1');
});

test('S18 control: without the log the same calls leave no record', async () => {
  await using silent = await startAttacked({
    config: { mcpServers: servers({ m: upstream.url }), audit: { enabled: false } },
  });
  const params = { name: 'm__echo', arguments: { message: 'unseen' } };
  await waitUntil(
    async () => (await ask(silent.url, undefined, 'tools/call', params)).text.includes('unseen'),
    { timeoutMs: 15_000, describe: 'a call' },
  );
  expect(await readAudit(silent.stateFolder)).toEqual([]);
});
