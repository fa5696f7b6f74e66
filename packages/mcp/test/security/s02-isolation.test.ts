import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import { startUpstream, type HttpUpstream } from '@cortex-os/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask, bearer } from '../auth/guarded-gateway.ts';
import { startCoreTaskServer, type CoreTaskServer } from '../e2e/core-task-server.ts';
import { send, type RawAnswer } from '../gateway/raw-client.ts';
import {
  leastStall,
  MAX_STALL_MS,
  servers,
  startAttacked,
  type AttackedGateway,
} from './attacked-gateway.ts';

// CVE-2026-25536 (TypeScript SDK 1.10 to 1.25.3), CVE-2026-52869 and CVE-2026-52870 (Python SDK).

const COUNT = 200;
let upstream: HttpUpstream;
let tasks: CoreTaskServer;
let gateway: AttackedGateway;
let ann: string;
let bob: string;

beforeAll(async () => {
  upstream = await startUpstream({ kind: 'modern-http', latencyMs: 2 });
  tasks = await startCoreTaskServer();
  gateway = await startAttacked({
    config: {
      // All of them call at the same time; who has to wait is another matter.
      maxInFlight: 512,
      mcpServers: servers({ m: upstream.url, t: tasks.url }),
      auth: { limits: { addressPerMinute: 0 } },
    },
    keys: Array.from({ length: COUNT }, (_, index) => ({ title: `client ${index}` })),
  });
  [ann = '', bob = ''] = gateway.keys;
  // What is loaded and compiled by the first calls is no attack.
  await Promise.all(gateway.keys.map(async (key) => await echo(key, 'warm')));
  await open(ann);
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await tasks[Symbol.asyncDispose]();
  await upstream.close();
});

const VERSION = '2025-11-25';

async function open(key: string): Promise<string> {
  const clientInfo = { name: 'x', version: '0' };
  const params = { protocolVersion: VERSION, capabilities: {}, clientInfo };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params });
  const { headers } = await send(gateway.url, { headers: bearer(key), body });
  return String(headers['mcp-session-id']);
}

async function inSession(
  key: string | undefined,
  id: string,
  method: string,
  params: object,
): Promise<RawAnswer> {
  const headers = { ...bearer(key), 'mcp-session-id': id, 'mcp-protocol-version': VERSION };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  return await send(gateway.url, { headers, body });
}

const echo = async (key: string, message: string): Promise<string> =>
  (await ask(gateway.url, key, 'tools/call', { name: 'm__echo', arguments: { message } })).text;

const CANARY = /canary-\d+-x+/g;

/** Canaries in a text that are not the client's own. */
const foreignIn = (text: string, own: string): string[] =>
  [...text.matchAll(CANARY)].map(([found]) => found).filter((found) => found !== own);

/** Every key opens a session and makes two calls, all at the same time. @returns canaries that came to another. */
async function callsOfAll(): Promise<string[]> {
  const foreign = await Promise.all(
    gateway.keys.map(async (key, index) => {
      const own = `canary-${index}-xxxx`;
      const session = await open(key);
      const params = { name: 'm__echo', arguments: { message: own } };
      const answers = await Promise.all([
        echo(key, own),
        inSession(key, session, 'tools/call', params).then(({ text }) => text),
      ]);
      expect(answers.every((text) => text.includes(own))).toBe(true);
      return foreignIn(answers.join('\n'), own);
    }),
  );
  return foreign.flat();
}

test('S2: 200 keys at the same time see no canary but their own, all with the same request id (CVE-2026-25536)', async () => {
  const stallMs = await leastStall(gateway, async () => {
    expect(await callsOfAll()).toEqual([]);
  });
  expect(stallMs).toBeLessThan(MAX_STALL_MS);
});

test('S2: session of another key is 404 for POST, GET and DELETE, and goes on for its owner (CVE-2026-52869)', async () => {
  const id = await open(ann);
  const call = { name: 'm__echo', arguments: { message: 'still mine' } };
  for (const key of [bob, gateway.keys[150]]) {
    expect((await inSession(key, id, 'tools/call', call)).status).toBe(404);
    for (const method of ['GET', 'DELETE']) {
      const headers = { ...bearer(key), 'mcp-session-id': id };
      expect((await send(gateway.url, { method, headers })).status).toBe(404);
    }
  }
  expect((await inSession(undefined, id, 'tools/call', call)).status).toBe(401);
  expect((await inSession(ann, id, 'tools/call', call)).text).toContain('still mine');
});

test('S2: a task of another key is unknown, although its id can be guessed (CVE-2026-52870)', async () => {
  const [hers, his] = [await open(ann), await open(bob)];
  const made = await inSession(ann, hers, 'tools/call', {
    name: 't__slow',
    arguments: {},
    task: { ttl: 60_000 },
  });
  const taskId = /"taskId":"([^"]+)"/.exec(made.text)?.[1] ?? '';
  expect(taskId).toContain('t-1');
  for (const method of ['tasks/get', 'tasks/result', 'tasks/cancel']) {
    const { text } = await inSession(bob, his, method, { taskId });
    expect([method, text]).toEqual([method, expect.stringContaining('-32602')]);
  }
  expect((await inSession(bob, his, 'tasks/list', {})).text).not.toContain('t-1');
  expect((await inSession(ann, hers, 'tasks/get', { taskId })).text).toContain('working');
  expect(tasks.asked.filter(({ method }) => method === 'tasks/cancel')).toEqual([]);
});

test('S2: guessed and mangled session ids are 404, never somebody’s', async () => {
  const id = await open(ann);
  const guesses = [id.toUpperCase(), id.slice(0, -1), `${id}x`, `${id},${id}`, '1', '__proto__'];
  for (const guess of guesses.filter((one) => one !== id)) {
    expect([guess, (await inSession(ann, guess, 'ping', {})).status]).toEqual([guess, 404]);
  }
  const ids = await Promise.all(gateway.keys.slice(0, 50).map(open));
  expect(new Set(ids).size).toBe(50);
  expect(Math.min(...ids.map((one) => one.length))).toBeGreaterThanOrEqual(32);
});

test('S2 control: a proxy that keeps one transport for all clients mixes their answers', async () => {
  // As the SDK did when one server was connected to a transport a request: answers go to who asked last.
  let current: ((body: string) => void) | undefined;
  const naive = createServer((request, response) => {
    current = (body) => void response.end(body);
    void (async () => {
      const body = await textOf(request);
      setTimeout(() => current?.(body), 5);
    })();
  });
  await new Promise<void>((resolve) => naive.listen(0, '127.0.0.1', resolve));
  const { port } = naive.address() as AddressInfo;
  const ended = Array.from({ length: 20 }, async (_, index) => {
    const own = `canary-${index}-xxxx`;
    const signal = AbortSignal.timeout(500);
    const answer = await fetch(`http://127.0.0.1:${port}`, { method: 'POST', body: own, signal })
      .then(async (one) => await one.text())
      .catch(() => ''); // those whose answer went to another wait for ever
    return foreignIn(answer, own);
  });
  expect((await Promise.all(ended)).flat().length).toBeGreaterThan(0);
  naive.closeAllConnections();
  naive.close();
});
