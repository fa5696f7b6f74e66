import { Registry } from 'prom-client';
import { pino } from 'pino';
import { tempFolder } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { createAuditPart } from '../../src/service/audit-part.ts';
import { ANONYMOUS } from '../../src/gateway/reply/anonymous.ts';
import type { EndedCall } from '../../src/gateway/ports.ts';
import { readAudit } from './read-audit.ts';

const raw = (from: object): { key: string; text: string }[] =>
  Object.entries(from).map(([key, member]) => ({ key, text: JSON.stringify(member) }));

function ended(
  method: string,
  value: Readonly<Record<string, unknown>>,
  more: Partial<EndedCall> = {},
  meta: Readonly<Record<string, unknown>> = {},
): EndedCall {
  return {
    method,
    params: { value, members: raw(value), meta: raw(meta) },
    principal: ANONYMOUS,
    session: undefined,
    connectorId: 'c',
    definition: undefined,
    outcome: 'ok',
    code: undefined,
    startedAtMs: undefined,
    ...more,
  };
}

const CLIENT = 'io.modelcontextprotocol/clientInfo';

test('createAuditPart() names what was called, without secrets of URIs and without ids of tasks (S16, S18)', async () => {
  await using folder = tempFolder();
  const registry = new Registry();
  const part = createAuditPart(
    { stateFolder: folder.path },
    { logger: pino({ level: 'silent' }), instruments: { registry }, hashOf: () => 'hash' },
  );
  const secret = 'https://me:p@ss@host/a/b?token=s3cret#x';
  const calls: EndedCall[] = [
    ended('resources/read', { uri: secret }),
    ended('tasks/get', { taskId: 's3cret-task' }),
    ended('completion/complete', {
      ref: { type: 'ref/resource', uri: secret },
      argument: { value: 's3cret' },
    }),
    ended('completion/complete', { ref: { type: 'ref/prompt', name: 'p' } }),
    ended('completion/complete', { ref: 7 }),
    ended('x/extension', {}),
    ended('tools/call', { name: 7 }, { principal: { ...ANONYMOUS, id: 'key:k1', kind: 'key' } }),
    ended(
      'tools/call',
      { name: 't' },
      { outcome: 'failed', code: 'BREAKER_OPEN', definition: { text: '{}' } },
    ),
    ended('tools/call', { name: 't' }, { outcome: 'failed', code: 'TIMEOUT' }),
    ended('tools/call', { name: 't' }, {}, { [CLIENT]: { name: 'a' }, traceparent: 'nonsense' }),
    ended('tools/call', { name: 't' }, {}, { [CLIENT]: ['a'] }),
    ended('tools/call', { name: 't' }, {}, { [CLIENT]: { name: 'x'.repeat(5_000) } }),
  ];
  for (const call of calls) part.observer.ended(call);
  for (let index = 0; index < 300; index += 1) {
    part.observer.ended(
      ended('prompts/get', { name: 'p' }, {}, { [CLIENT]: { name: `c${index}` } }),
    );
  }
  part.event('odd-text', { connector: 'c', detail: 'd' });
  await part.flush();
  expect(await registry.metrics()).toContain('mcp_audit_records_total 313');
  await part.close();
  const lines = await readAudit(folder.path);
  expect(JSON.stringify(lines)).not.toMatch(/s3cret|p@ss|ss@/);
  expect(
    lines
      .slice(0, 12)
      .map(({ name, key, outcome, definition, client, trace }) => [
        name,
        key,
        outcome,
        definition,
        client,
        trace,
      ]),
  ).toEqual([
    ['https://host/a/b', undefined, 'ok', undefined, undefined, undefined],
    [undefined, undefined, 'ok', undefined, undefined, undefined],
    ['https://host/a/b', undefined, 'ok', undefined, undefined, undefined],
    ['p', undefined, 'ok', undefined, undefined, undefined],
    [undefined, undefined, 'ok', undefined, undefined, undefined],
    [undefined, undefined, 'ok', undefined, undefined, undefined],
    [undefined, 'k1', 'ok', undefined, undefined, undefined],
    ['t', undefined, 'refused', 'hash', undefined, undefined],
    ['t', undefined, 'failed', undefined, undefined, undefined],
    ['t', undefined, 'ok', undefined, 'a', undefined],
    ['t', undefined, 'ok', undefined, undefined, undefined],
    ['t', undefined, 'ok', undefined, undefined, undefined],
  ]);
  expect(lines[0]?.['args']).toMatch(/^[0-9a-f]{32}$/);
  expect(lines.at(-2)).toMatchObject({ client: 'c299', name: 'p' });
  expect(part.status()).toMatchObject({ state: 'ok', records: 313, lost: 0 });
});
