import { randomUUID } from 'node:crypto';
import {
  CONFORMANCE_STDIO,
  startConformanceServer,
  type ConformanceServer,
} from '@cortex-os/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { awaitCatalog } from '../conformance/await-catalog.ts';
import type { Json } from '../differential/raw-peer.ts';
import { connector, startGateway, type TestGateway } from '../e2e/gateway-fixture.ts';
import type { CanaryClient } from './canary-client.ts';
import { connectLegacyCanary } from './legacy-canary.ts';
import { createModernCanary } from './modern-canary.ts';

const CLIENTS = 200;
/** Progress and log messages of one call of `canary`. */
const STEPS = 3;
const SECRET = /secret-[\w-]+/gu;
const { command, args } = CONFORMANCE_STDIO;
/** All of them at once is what is tested, and not who has to wait. */
const ROOM = { bulkhead: { maxInFlight: 2 * CLIENTS } } as const;

let gateway: TestGateway;
let servers: readonly ConformanceServer[];
let clients: readonly CanaryClient[];

beforeAll(async () => {
  servers = [await startConformanceServer(), await startConformanceServer({ eras: 'legacy' })];
  const stdio = { kind: 'stdio', command, args, env: {}, cwd: undefined } as const;
  gateway = await startGateway([
    ...servers.map(({ url }, index) =>
      connector(
        index === 0 ? 'modern-http' : 'legacy-http',
        { kind: 'http', url, headers: {} },
        ROOM,
      ),
    ),
    // It speaks both, and is taken for a legacy one where it takes long to start.
    connector('modern-stdio', stdio, { ...ROOM, era: 'modern' }),
    connector('legacy-stdio', stdio, { ...ROOM, era: 'legacy' }),
  ]);
  await awaitCatalog(gateway, 15_000);
  clients = await Promise.all(
    Array.from({ length: CLIENTS }, async (_, index) => {
      const secret = `secret-${index}-${randomUUID()}`;
      return index % 2 === 0
        ? createModernCanary(gateway.url(), secret)
        : connectLegacyCanary(gateway.url(), secret);
    }),
  );
}, 60_000);

afterAll(async () => {
  await Promise.all(clients.map(async (client) => client[Symbol.asyncDispose]()));
  await gateway[Symbol.asyncDispose]();
  await Promise.all(servers.map(async (server) => server.close()));
});

const MAX_SHOWN = 10;

/** What reached a client of other clients' secrets; the first few. */
function strangers(): string[] {
  const all = clients.flatMap((client) => {
    const found = new Set(client.received().match(SECRET) ?? []);
    found.delete(client.secret);
    return [...found].map((secret) => `${client.secret} was told ${secret}`);
  });
  return all.slice(0, MAX_SHOWN);
}

interface Told {
  readonly client: CanaryClient;
  readonly answer: Json;
  /** What has reached it since it called. */
  readonly heard: string;
}

async function everybodyCalls(tool: string): Promise<Told[]> {
  return await Promise.all(
    clients.map(async (client) => {
      const before = client.received().length;
      const answer = await client.call(tool);
      return { client, answer, heard: client.received().slice(before) };
    }),
  );
}

const resultText = ({ answer }: Pick<Told, 'answer'>): string =>
  JSON.stringify(answer['result'] ?? null);
const count = (text: string, part: string): number => text.split(part).length - 1;

const CONNECTORS = ['modern-http', 'legacy-http', 'modern-stdio', 'legacy-stdio'] as const;

test.for([
  ['modern-http', STEPS],
  ['legacy-http', STEPS],
  // A log message of a process that several clients share belongs to nobody that could be named.
  ['modern-stdio', 0],
  ['legacy-stdio', 0],
] as const)(
  '200 clients at once: progress, logs and results of one reach no other, %s',
  { timeout: 60_000 },
  async ([id, logs]) => {
    const told = await everybodyCalls(`${id}__canary`);
    expect(strangers()).toStrictEqual([]);
    for (const one of told) {
      expect(resultText(one)).toContain(one.client.secret);
      expect(count(one.heard, 'notifications/progress')).toBe(STEPS);
      expect(count(one.heard, 'notifications/message')).toBe(logs);
    }
  },
);

test.for([
  ['canary_elicitation', 'modern-http', CLIENTS],
  ['canary_sampling', 'modern-http', CLIENTS],
  ['canary_elicitation', 'modern-stdio', CLIENTS],
  // The clients with sessions; only some calls of the others may wait for an answer at a time.
  ['canary_elicitation', 'legacy-http', CLIENTS / 2],
  ['canary_sampling', 'legacy-http', CLIENTS / 2],
  // In one process of an older revision nobody can tell whose call asks, so nobody is asked while others call.
  ['canary_elicitation', 'legacy-stdio', 0],
  ['canary_sampling', 'legacy-stdio', 0],
] as const)(
  '200 clients at once: %s of one reaches no other, %s',
  { timeout: 60_000 },
  async ([tool, id, least]) => {
    const told = await everybodyCalls(`${id}__${tool}`);
    expect(strangers()).toStrictEqual([]);
    const answered = told.filter((one) => count(resultText(one), one.client.secret) === 2);
    const refused = told.filter(
      ({ answer }) =>
        'error' in answer || (answer['result'] as Json | undefined)?.['isError'] === true,
    );
    expect(answered.length + refused.length).toBe(CLIENTS);
    expect(answered.length).toBeGreaterThanOrEqual(least);
  },
);

test.for(CONNECTORS)(
  'a client that calls alone is asked and answers, %s',
  { timeout: 20_000 },
  async (id) => {
    for (const client of clients.slice(0, 2)) {
      for (const tool of ['canary_elicitation', 'canary_sampling']) {
        const answer = await client.call(`${id}__${tool}`);
        expect(count(resultText({ answer }), client.secret)).toBe(2);
      }
    }
    expect(strangers()).toStrictEqual([]);
  },
);

test('every client has a session of its own or none', () => {
  const sessions = clients.map(({ session }) => session).filter((id) => id !== undefined);
  expect(sessions).toHaveLength(CLIENTS / 2);
  expect(new Set(sessions).size).toBe(sessions.length);
});
