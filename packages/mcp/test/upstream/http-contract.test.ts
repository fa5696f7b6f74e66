import {
  ODD_CONTENT_JSON,
  ODD_META_JSON,
  ODD_STRUCTURED_JSON,
  startUpstream,
  waitUntil,
  type HttpKind,
} from '@cortex-os/testkit';
import { describe, expect, test } from 'vitest';
import type { Era } from '../../src/protocol/revision.ts';
import type { ForwardRequest } from '../../src/upstream/upstream.ts';
import {
  SIGNAL,
  definitionFor,
  open,
  recorder,
  run,
  toolCall,
  type Opened,
  type Outcome,
} from './http-fixture.ts';

const KINDS: readonly HttpKind[] = [
  'modern-http',
  'dual-http',
  'legacy-http-session',
  'legacy-http-stateless',
];
const ERAS: readonly Era[] = ['modern', 'legacy'];

function call(era: Era, name: string, args: object, id: string | number = 'c-7'): ForwardRequest {
  return toolCall(era, {
    id,
    name,
    members: [
      { key: 'name', text: JSON.stringify(name) },
      { key: 'arguments', text: JSON.stringify(args) },
    ],
  });
}

/** The raw result, however it was handed over. */
function resultText(outcome: Outcome): string {
  if (outcome.kind === 'result') return outcome.text;
  if (outcome.kind !== 'whole') throw new Error(JSON.stringify(outcome));
  return outcome.body;
}

async function ask(opened: Opened, method: string): Promise<Record<string, unknown>> {
  const text = await opened.upstream.request(method, [], { signal: SIGNAL, timeoutMs: 5_000 });
  return JSON.parse(text) as Record<string, unknown>;
}

describe.for(KINDS)('official server, %s', (kind) => {
  const serverEra: Era = kind.startsWith('legacy') ? 'legacy' : 'modern';

  test('connect() and lists', async () => {
    await using server = await startUpstream({ kind, toolCount: 20 });
    await using opened = open(definitionFor(server.url));
    const info = await opened.upstream.connect(SIGNAL);
    expect(info.era).toBe(serverEra);
    expect(info.serverInfo).toMatchObject({ name: kind });
    expect(info.capabilities).toHaveProperty('tools');
    const { tools } = await ask(opened, 'tools/list');
    expect((tools as unknown[]).length).toBeGreaterThanOrEqual(27);
    expect(await ask(opened, 'prompts/list')).toHaveProperty('prompts');
    expect(await ask(opened, 'resources/list')).toHaveProperty('resources');
    expect(await ask(opened, 'resources/templates/list')).toHaveProperty('resourceTemplates');
  });

  test.for(ERAS)('calls of a %s client: results, tool errors and protocol errors', async (era) => {
    await using server = await startUpstream({ kind });
    await using opened = open(definitionFor(server.url));
    const echo = await run(opened.upstream, call(era, 'echo', { message: 'häl"lo' }));
    expect(resultText(echo.outcome)).toContain('"text":"häl\\"lo"');
    const passed = era === 'modern' && serverEra === 'modern';
    expect(echo.outcome.kind).toBe(passed ? 'whole' : 'result');
    expect(resultText(echo.outcome).includes('"id":"c-7"')).toBe(passed);
    const failed = await run(opened.upstream, call(era, 'fail', {}));
    expect(resultText(failed.outcome)).toContain('"isError":true');
    const thrown = await run(opened.upstream, call(era, 'throw', {}));
    const text = thrown.outcome.kind === 'error' ? thrown.outcome.text : resultText(thrown.outcome);
    expect(text).toContain('"code":-32000');
    expect(text).toContain('thrown on purpose');
    const request = {
      ...toolCall(era, { method: 'resources/read', name: 'test://static/text' }),
      members: [{ key: 'uri', text: '"test://static/text"' }],
    };
    expect(resultText((await run(opened.upstream, request)).outcome)).toContain('static text');
  });

  test.for(ERAS)('an odd result reaches a %s client letter for letter', async (era) => {
    await using server = await startUpstream({ kind });
    await using opened = open(definitionFor(server.url));
    const text = resultText((await run(opened.upstream, call(era, 'odd', {}))).outcome);
    // A server may write the line separator as itself.
    expect(text).toContain(ODD_CONTENT_JSON.replace(String.raw`\u2028`, '\u2028'));
    expect(text).toContain(ODD_STRUCTURED_JSON);
    expect(text).toContain(ODD_META_JSON.slice(1, -1));
  });

  test.for(ERAS)('progress of a %s client carries its own token', async (era) => {
    await using server = await startUpstream({ kind });
    await using opened = open(definitionFor(server.url));
    const request = call(era, 'slow', { ms: 20, steps: 4 });
    const meta = [...request.meta, { key: 'progressToken', text: '"my token"' }];
    const { outcome, sink } = await run(opened.upstream, { ...request, meta });
    expect(resultText(outcome)).toContain('slept 20 ms');
    const progress = sink.notifications.map(
      (text) => (JSON.parse(text) as { params: Record<string, unknown> }).params,
    );
    expect(progress.map(({ progressToken }) => progressToken)).toEqual(Array(4).fill('my token'));
    expect(progress.map((params) => params['progress'])).toEqual([1, 2, 3, 4]);
  });

  test.for(ERAS)('cancel() of a %s client stops the tool', async (era) => {
    await using server = await startUpstream({ kind });
    await using opened = open(definitionFor(server.url));
    await opened.upstream.connect(SIGNAL);
    const sink = recorder();
    const request = call(era, 'slow', { ms: 20_000, steps: 1 });
    const meta = [...request.meta, { key: 'progressToken', text: '1' }];
    const handle = opened.upstream.forward({ ...request, meta }, sink);
    const started = (): boolean => sink.notifications.length > 0;
    await waitUntil(started, { describe: 'the tool started' });
    handle.cancel('enough');
    const stopped = (): boolean => server.counts.aborted > 0;
    // Long before it would have ended by itself.
    await waitUntil(stopped, { timeoutMs: 10_000, describe: 'the tool stopped' });
    expect(sink.endings).toBe(0);
  });

  test('100 calls at once each get their own answer', async () => {
    await using server = await startUpstream({ kind });
    await using opened = open(definitionFor(server.url));
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        const era = index % 2 === 0 ? 'modern' : 'legacy';
        return run(opened.upstream, call(era, 'echo', { message: `canary ${index}.` }, 1));
      }),
    );
    for (const [index, { outcome, sink }] of outcomes.entries()) {
      expect(resultText(outcome)).toContain(`canary ${index}.`);
      expect(sink.endings).toBe(1);
    }
  });

  test('a restart of the server is survived by the next call', async () => {
    await using server = await startUpstream({ kind });
    await using opened = open(definitionFor(server.url));
    await run(opened.upstream, call('modern', 'echo', { message: 'before' }));
    await server.restart();
    const { outcome } = await run(opened.upstream, call('modern', 'echo', { message: 'after' }));
    expect(resultText(outcome)).toContain('after');
    expect(opened.losses).toHaveLength(kind === 'legacy-http-session' ? 1 : 0);
  });

  test('faults are named for what they are, and the next call works', async () => {
    await using server = await startUpstream({ kind });
    await using opened = open(definitionFor(server.url));
    await opened.upstream.connect(SIGNAL);
    const method = 'tools/call';
    const once = { method, times: 1 } as const;
    const cases = [
      [{ kind: 'reset', ...once }, 'STREAM_CUT'],
      [{ kind: 'reset', at: 'mid-body', ...once }, 'STREAM_CUT'],
      [{ kind: 'sse-cut', ...once }, 'STREAM_CUT'],
      [{ kind: 'status', status: 500, ...once }, 'HTTP_STATUS'],
      [{ kind: 'status', status: 503, ...once }, 'HTTP_STATUS'],
      [{ kind: 'status', status: 401, ...once }, 'UNAUTHORIZED'],
      [{ kind: 'oversize', bytes: 11_000_000, ...once }, 'TOO_LARGE'],
      [{ kind: 'oversize', bytes: 50_000_000, gzip: true, ...once }, 'BAD_RESPONSE'],
      [{ kind: 'odd-content', form: 'html', ...once }, 'BAD_RESPONSE'],
      [{ kind: 'odd-content', form: 'invalid-json', ...once }, 'BAD_RESPONSE'],
      [{ kind: 'odd-content', form: 'wrong-content-type', ...once }, 'BAD_RESPONSE'],
      [{ kind: 'odd-content', form: 'duplicate-keys', ...once }, 'BAD_RESPONSE'],
    ] as const;
    for (const [fault, code] of cases) {
      server.setFaults([fault]);
      const { outcome, sink } = await run(
        opened.upstream,
        call('modern', 'echo', { message: 'x' }),
      );
      expect.soft(outcome, JSON.stringify(fault)).toMatchObject({ kind: 'fail', error: { code } });
      expect(sink.endings).toBe(1);
      const next = await run(opened.upstream, call('modern', 'echo', { message: 'next' }));
      expect(resultText(next.outcome)).toContain('next');
    }
  });

  test('a server that hangs is left alone when the call is cancelled', async () => {
    await using server = await startUpstream({ kind });
    await using opened = open(definitionFor(server.url));
    await opened.upstream.connect(SIGNAL);
    server.setFaults([{ kind: 'hang-mid-body', method: 'tools/call' }]);
    const sink = recorder();
    const handle = opened.upstream.forward(call('modern', 'echo', { message: 'x' }), sink);
    const arrived = (): boolean => (server.counts.byMethod['tools/call'] ?? 0) > 0;
    await waitUntil(arrived, { describe: 'the call arrived' });
    handle.cancel('deadline');
    server.setFaults([]);
    const next = await run(opened.upstream, call('modern', 'echo', { message: 'next' }));
    expect(resultText(next.outcome)).toContain('next');
    expect(sink.endings).toBe(0);
  });

  test('close() leaves no session behind', async () => {
    await using server = await startUpstream({ kind });
    await using opened = open(definitionFor(server.url));
    await opened.upstream.connect(SIGNAL);
    expect(server.open.sessions).toBe(kind === 'legacy-http-session' ? 1 : 0);
    await opened.upstream.close();
    await expect.poll(() => server.open.sessions).toBe(0);
  });
});

describe.for(['session-404', 'session-400'] as const)('a session lost by %s', (fault) => {
  test('is opened anew at once, and the call runs once', async () => {
    await using server = await startUpstream({ kind: 'legacy-http-session' });
    await using opened = open(definitionFor(server.url));
    await opened.upstream.connect(SIGNAL);
    server.setFaults([{ kind: fault, method: 'tools/call', times: 1 }]);
    const { outcome, sink } = await run(opened.upstream, call('legacy', 'echo', { message: 'hi' }));
    expect(resultText(outcome)).toContain('hi');
    expect(sink.endings).toBe(1);
    expect(server.counts.byMethod['initialize']).toBe(2);
    expect(server.counts.byMethod['server/discover']).toBe(1);
    expect(opened.losses.map(({ code }) => code)).toEqual(['SESSION_LOST']);
  });
});
