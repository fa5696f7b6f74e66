import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { leastMs, startUpstream, waitUntil, type HttpFault } from '../../src/index.ts';
import { MODERN_META, modern, rawRequest, type RawAnswer } from '../raw-request.ts';

const ECHO = modern('tools/call', { name: 'echo', arguments: { message: 'hello' } });
const SLOW = modern('tools/call', {
  name: 'slow',
  arguments: { ms: 6, steps: 3 },
});
const WITH_PROGRESS = {
  ...SLOW,
  params: { ...SLOW.params, _meta: { ...MODERN_META, progressToken: 'p' } },
};

async function echoWith(...faults: HttpFault[]): Promise<RawAnswer> {
  await using upstream = await startUpstream({ kind: 'modern-http', faults });
  return await rawRequest(upstream.url, ECHO);
}

describe('faults over HTTP', () => {
  test('none: the real server answers', async () => {
    const { status, body } = await echoWith();
    expect(status).toBe(200);
    expect(JSON.parse(body.toString())).toMatchObject({ result: { resultType: 'complete' } });
  });

  test('hang-before-headers sends nothing and counts the client that leaves', async () => {
    const faults = [{ kind: 'hang-before-headers' }] as const;
    await using upstream = await startUpstream({ kind: 'modern-http', faults });
    const gone = new AbortController();
    const answer = rawRequest(upstream.url, { ...ECHO, signal: gone.signal });
    await waitUntil(() => upstream.counts.requests === 1, { describe: 'the request arrived' });
    gone.abort();
    expect(await answer).toMatchObject({ status: undefined, error: 'ABORT_ERR' });
    await waitUntil(() => upstream.counts.aborted === 1, { describe: 'the abort was counted' });
  });

  test('hang-mid-body sends the head and the first bytes only', async () => {
    const faults = [{ kind: 'hang-mid-body', afterBytes: 7 }] as const;
    await using upstream = await startUpstream({ kind: 'modern-http', faults });
    const gone = new AbortController();
    let received = 0;
    const answer = rawRequest(upstream.url, {
      ...ECHO,
      signal: gone.signal,
      onData: (chunk) => {
        received += chunk.length;
      },
    });
    await waitUntil(() => received === 7, { describe: 'seven bytes' });
    expect(upstream.open.connections).toBe(1);
    gone.abort();
    expect(await answer).toMatchObject({ status: 200, body: Buffer.from('{"resul') });
    await waitUntil(() => upstream.counts.aborted === 1, { describe: 'the abort was counted' });
  });

  test('reset breaks the connection before the head', async () => {
    expect(await echoWith({ kind: 'reset' })).toMatchObject({
      status: undefined,
      error: 'ECONNRESET',
    });
  });

  test('reset breaks the connection in the middle of the body', async () => {
    const { status, body, error } = await echoWith({
      kind: 'reset',
      at: 'mid-body',
      afterBytes: 12,
    });
    expect(status).toBe(200);
    expect(error).toBe('ECONNRESET');
    expect(body.length).toBeLessThanOrEqual(12);
  });

  test.each([
    [{ kind: 'status', status: 500, body: 'boom' }, 500, 'boom', {}],
    [{ kind: 'status', status: 503 }, 503, '', { 'retry-after': '1' }],
    [{ kind: 'status', status: 401 }, 401, '', { 'www-authenticate': 'Bearer' }],
    [
      { kind: 'status', status: 503, headers: { 'retry-after': '7' }, contentType: 'text/html' },
      503,
      '',
      { 'retry-after': '7', 'content-type': 'text/html' },
    ],
  ] satisfies [HttpFault, number, string, object][])(
    'status answers %o',
    async (fault, status, body, headers) => {
      const answer = await echoWith(fault);
      expect(answer).toMatchObject({ status, headers });
      expect(answer.body.toString()).toBe(body);
    },
  );

  test('oversize answers well-formed JSON of the given size', async () => {
    const { body } = await echoWith({ kind: 'oversize', bytes: 3_000_000 });
    const answer: unknown = JSON.parse(body.toString());
    expect(answer).toMatchObject({ id: 1, result: { content: [{ type: 'text' }] } });
    expect(body.toString().match(/x{2,}/u)?.[0]).toHaveLength(3_000_000);
  });

  test('oversize with gzip is small on the wire', async () => {
    const { body, headers } = await echoWith({ kind: 'oversize', bytes: 10_000_000, gzip: true });
    expect(headers['content-encoding']).toBe('gzip');
    expect(body.length).toBeLessThan(50_000);
    expect(gunzipSync(body).length).toBeGreaterThan(10_000_000);
  });

  test('oversize survives a client that stops reading', async () => {
    const faults = [{ kind: 'oversize', bytes: 500_000_000 }] as const;
    await using upstream = await startUpstream({ kind: 'modern-http', faults });
    const gone = new AbortController();
    const answer = rawRequest(upstream.url, {
      ...ECHO,
      signal: gone.signal,
      onData: () => gone.abort(),
    });
    expect((await answer).error).toBe('ABORT_ERR');
    await waitUntil(() => upstream.counts.aborted === 1, { describe: 'the abort was counted' });
  });

  test('slow-bytes sends the whole answer at the given rate', async () => {
    const fast = await echoWith();
    const start = performance.now();
    const { body } = await echoWith({ kind: 'slow-bytes', bytesPerSecond: 2000 });
    expect(body.toString()).toBe(fast.body.toString());
    const expectedMs = (fast.body.length / 2000) * 1000;
    expect(performance.now() - start).toBeGreaterThan(expectedMs * 0.8);
    const fastMs = async (): Promise<number> => {
      const before = performance.now();
      await echoWith();
      return performance.now() - before;
    };
    const belowMs = expectedMs * 0.8;
    expect(await leastMs(fastMs, { belowMs })).toBeLessThan(belowMs);
  });

  test('never-handshake hangs discover and initialize and nothing else', async () => {
    const faults = [{ kind: 'never-handshake' }] as const;
    await using upstream = await startUpstream({ kind: 'modern-http', faults });
    expect((await rawRequest(upstream.url, ECHO)).status).toBe(200);
    const gone = new AbortController();
    const discover = rawRequest(upstream.url, {
      ...modern('server/discover'),
      signal: gone.signal,
    });
    await waitUntil(() => upstream.counts.byMethod['server/discover'] === 1, {
      describe: 'discover arrived',
    });
    gone.abort();
    expect((await discover).status).toBeUndefined();
  });

  test('sse-cut passes notifications on and ends before the result', async () => {
    const faults = [{ kind: 'sse-cut' }] as const;
    await using upstream = await startUpstream({ kind: 'modern-http', faults });
    const { headers, body, error } = await rawRequest(upstream.url, WITH_PROGRESS);
    expect(headers['content-type']).toMatch(/^text\/event-stream/u);
    expect(body.toString().match(/notifications\/progress/gu)).toHaveLength(3);
    expect(body.toString()).not.toContain('"result"');
    expect(error).toBeUndefined();
  });

  test('sse-cut makes an empty stream of a JSON answer', async () => {
    const { status, headers, body } = await echoWith({ kind: 'sse-cut' });
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/event-stream');
    expect(body.toString()).toBe(': cut\n\n');
  });

  test('tcp-refuse closes the port until the faults are set anew', async () => {
    await using upstream = await startUpstream({ kind: 'modern-http' });
    const gone = rawRequest(
      upstream.url,
      modern('tools/call', { name: 'slow', arguments: { ms: 9e6, steps: 1 } }),
    );
    await waitUntil(() => upstream.counts.requests === 1, { describe: 'a call is in flight' });
    upstream.setFaults([{ kind: 'tcp-refuse' }]);
    expect((await gone).error).toBe('ECONNRESET');
    expect((await rawRequest(upstream.url, ECHO)).error).toBe('ECONNREFUSED');
    upstream.setFaults([]);
    await waitUntil(async () => (await rawRequest(upstream.url, ECHO)).status === 200, {
      describe: 'the port is open again',
    });
  });

  test('tcp-refuse may be there from the start', async () => {
    await using upstream = await startUpstream({
      kind: 'modern-http',
      faults: [{ kind: 'tcp-refuse' }],
    });
    expect((await rawRequest(upstream.url, ECHO)).error).toBe('ECONNREFUSED');
  });

  test('a scope picks the method, skips `after` and ends after `times`', async () => {
    await using upstream = await startUpstream({
      kind: 'modern-http',
      faults: [{ kind: 'status', status: 500, method: 'tools/call', after: 1, times: 2 }],
    });
    const statuses: (number | undefined)[] = [];
    for (let call = 0; call < 4; call += 1) {
      statuses.push((await rawRequest(upstream.url, modern('tools/list'))).status);
      statuses.push((await rawRequest(upstream.url, ECHO)).status);
    }
    expect(statuses).toEqual([200, 200, 200, 500, 200, 500, 200, 200]);
  });
});

describe('odd-content over HTTP', () => {
  test.each(['modern-http', 'legacy-http-stateless'] as const)(
    'bends the real answer of %s',
    async (kind) => {
      await using upstream = await startUpstream({ kind });
      const request =
        kind === 'modern-http' ? ECHO : { id: 1, method: 'tools/call', params: ECHO.params ?? {} };
      const send = async (form: Exclude<HttpFault & { kind: 'odd-content' }, never>['form']) => {
        upstream.setFaults([{ kind: 'odd-content', form }]);
        const { headers, body } = await rawRequest(upstream.url, request);
        return { type: headers['content-type'], text: body.toString() };
      };
      const plain = await send('wrong-content-type');
      expect(plain.type).toBe('text/plain');
      expect(JSON.parse(plain.text)).toMatchObject({ id: 1, result: {} });
      const bom = await send('bom');
      expect(bom.type).toBe('application/json');
      expect(bom.text).toBe(`\uFEFF${plain.text}`);
      expect((await send('batch')).text).toBe(`[${plain.text}]`);
      expect((await send('invalid-json')).text).toBe(plain.text.slice(0, -2));
      expect((await send('duplicate-keys')).text).toMatch(/"result".*"result"/u);
      expect(await send('html')).toMatchObject({ type: 'text/html' });
    },
  );

  test('endless-line sends bytes without a newline and stops', async () => {
    const faults = [{ kind: 'odd-content', form: 'endless-line', bytes: 2_000_000 }] as const;
    await using upstream = await startUpstream({ kind: 'modern-http', faults });
    const gone = new AbortController();
    let received = 0;
    const answer = rawRequest(upstream.url, {
      ...ECHO,
      signal: gone.signal,
      onData: (chunk) => {
        received += chunk.length;
      },
    });
    await waitUntil(() => received === 2_000_006, { describe: 'the whole line' });
    gone.abort();
    expect((await answer).body.includes('\n')).toBe(false);
  });
});
