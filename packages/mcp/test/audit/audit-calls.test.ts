import { createHash } from 'node:crypto';
import { mkdir, rmdir } from 'node:fs/promises';
import { startUpstream, tempFolder, waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { DEFAULT_TIMEOUTS } from '../../src/connectors/connector.ts';
import { connectorFor, startGateway } from '../e2e/gateway-fixture.ts';
import { modernBody, modernHeaders, openSession, send, sendModern } from '../gateway/raw-client.ts';
import { readAudit, type AuditLine } from './read-audit.ts';

const outcomes = (lines: readonly AuditLine[]): unknown[] =>
  lines.map(({ method, name, outcome, code }) => [method, name, outcome, code]);

const HOSTILE = 'no-such\r\n\u001b[31m\u202e\ud800{"outcome":"ok"}';

test('every call has exactly one record, whichever way it went (S18)', async () => {
  await using folder = tempFolder();
  await using upstream = await startUpstream({ kind: 'modern-http' });
  const audit = { stateFolder: folder.path };
  {
    await using gateway = await startGateway([connectorFor(upstream, 'm')], {}, { audit });
    await gateway.service.manager.sync();
    const url = gateway.url();
    await sendModern(url, 'tools/call', { name: 'm__echo', arguments: { message: 'hi' } });
    await sendModern(url, 'tools/call', { name: 'm__throw' });
    await sendModern(url, 'tools/call', { name: 'm__fail' });
    await sendModern(url, 'tools/call', {});
    await sendModern(url, 'resources/read', { uri: 'test://none?token=s3cret' });
    // The header says another name than the body.
    await send(url, {
      headers: modernHeaders('tools/call', 'm__echo'),
      body: modernBody('tools/call', { name: 'm__fail' }),
    });
    // Lists are no calls.
    await sendModern(url, 'tools/list');
    const session = await openSession(url);
    await session.send('tools/call', { name: 'm__echo', arguments: { message: 'hi' } });
    await session.send('tools/call', { name: HOSTILE });
    await session.send('ping');
  }
  const lines = await readAudit(folder.path);
  expect(outcomes(lines)).toEqual([
    ['tools/call', 'm__echo', 'ok', undefined],
    ['tools/call', 'm__throw', 'error', expect.any(Number)],
    ['tools/call', 'm__fail', 'ok', undefined],
    ['tools/call', undefined, 'refused', -32020],
    ['resources/read', 'test://none', 'unknown', -32602],
    ['tools/call', 'm__fail', 'refused', -32020],
    ['tools/call', 'm__echo', 'ok', undefined],
    ['tools/call', HOSTILE, 'unknown', -32602],
  ]);
});

test('a record says who, what, how and with which definition, and holds no argument (S18)', async () => {
  await using folder = tempFolder();
  await using upstream = await startUpstream({ kind: 'modern-http' });
  const audit = { stateFolder: folder.path };
  const trace = '0af7651916cd43dd8448eb211c80319c';
  const sent = { name: 'm__echo', arguments: { message: 'canary-argument' } };
  {
    await using gateway = await startGateway([connectorFor(upstream, 'm')], {}, { audit });
    await gateway.service.manager.sync();
    await send(gateway.url(), {
      headers: modernHeaders('tools/call', 'm__echo'),
      body: modernBody('tools/call', sent, { traceparent: `00-${trace}-b7ad6b7169203331-01` }),
    });
  }
  const [line, ...others] = await readAudit(folder.path);
  expect(others).toEqual([]);
  const digest = createHash('sha256').update(JSON.stringify(sent.arguments)).digest('hex');
  expect(line).toEqual({
    ts: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    principal: 'anonymous',
    connector: 'm',
    method: 'tools/call',
    name: 'm__echo',
    definition: expect.stringMatching(/^[\w-]{43}$/),
    args: digest.slice(0, 32),
    outcome: 'ok',
    ms: expect.any(Number),
    trace,
    client: 'raw/0',
  });
  expect(JSON.stringify(line)).not.toContain('canary');
});

test('cancelled, timed out and failed calls, and calls of connectors that are down, are recorded once (S18)', async () => {
  await using folder = tempFolder();
  await using hung = await startUpstream({
    kind: 'modern-http',
    faults: [{ kind: 'hang-before-headers', method: 'tools/call' }],
  });
  await using reset = await startUpstream({
    kind: 'modern-http',
    faults: [{ kind: 'reset', method: 'tools/call' }],
  });
  await using down = await startUpstream({ kind: 'modern-http', faults: [{ kind: 'tcp-refuse' }] });
  const timeouts = { ...DEFAULT_TIMEOUTS, idleTimeoutMs: 200 };
  const connectors = [
    connectorFor(hung, 'hung', { timeouts }),
    connectorFor(hung, 'slow'),
    connectorFor(reset, 'reset'),
    connectorFor(down, 'down'),
  ];
  {
    const audit = { stateFolder: folder.path };
    await using gateway = await startGateway(connectors, {}, { audit });
    await gateway.service.manager.sync();
    await Promise.all(
      ['hung', 'reset', 'down'].map(async (id) =>
        sendModern(gateway.url(), 'tools/call', { name: `${id}__echo` }),
      ),
    );
    const gone = new AbortController();
    const answer = fetch(gateway.url(), {
      method: 'POST',
      signal: gone.signal,
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...modernHeaders('tools/call', 'slow__echo'),
      },
      body: modernBody('tools/call', { name: 'slow__echo' }),
    }).catch(() => undefined);
    await waitUntil(() => (hung.counts.byMethod['tools/call'] ?? 0) >= 2, {
      describe: 'both calls at the server',
    });
    gone.abort();
    await answer;
    await waitUntil(() => hung.counts.aborted >= 2, { describe: 'both calls given up' });
  }
  const lines = await readAudit(folder.path);
  const byConnector = new Map(lines.map((line) => [line['connector'], line]));
  expect(lines).toHaveLength(4);
  expect(byConnector.get('hung')).toMatchObject({ outcome: 'timeout', code: 'TIMEOUT' });
  expect(byConnector.get('reset')).toMatchObject({ outcome: 'failed' });
  expect(byConnector.get('down')).toMatchObject({ outcome: 'unavailable' });
  expect(byConnector.get('slow')).toMatchObject({ outcome: 'cancelled' });
});

test('audit.required refuses calls while nothing can be recorded; lists go on, and calls again when it can (S18)', async () => {
  await using folder = tempFolder();
  await using upstream = await startUpstream({ kind: 'modern-http' });
  // A folder stands where the file should.
  await mkdir(`${folder.path}/audit.jsonl`);
  const audit = { stateFolder: folder.path, required: true };
  await using gateway = await startGateway([connectorFor(upstream, 'm')], {}, { audit });
  await gateway.service.manager.sync();
  const call = async (): Promise<unknown> =>
    (await sendModern(gateway.url(), 'tools/call', { name: 'm__echo', arguments: {} })).json();
  expect(await call()).toMatchObject({ error: { data: { code: 'AUDIT_UNAVAILABLE' } } });
  expect((await sendModern(gateway.url(), 'tools/list')).json()).toHaveProperty('result.tools');
  expect(upstream.counts.byMethod['tools/call']).toBeUndefined();
  expect(gateway.service.status()['audit']).toMatchObject({ state: 'failing', required: true });
  await rmdir(`${folder.path}/audit.jsonl`);
  await waitUntil(async () => !JSON.stringify(await call()).includes('AUDIT_UNAVAILABLE'), {
    describe: 'a call that is made',
  });
  expect(upstream.counts.byMethod['tools/call']).toBe(1);
});
