import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startConformanceServer, tempFolder, TINY_PNG } from '@cortex-os/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { awaitCatalog } from '../conformance/await-catalog.ts';
import { connector, startGateway, type TestGateway } from '../e2e/gateway-fixture.ts';
import { compareServer, type Difference } from './compare-server.ts';
import { connectLegacy, connectModern } from './http-peer.ts';
import { npmServer, startEverythingHttp } from './npm-server.ts';
import type { RawPeer } from './raw-peer.ts';
import {
  EVERYTHING_CASES,
  filesystemCases,
  FIXTURE_CASES,
  MEMORY_CASES,
  UNKNOWN_CASES,
  type ServerCase,
} from './server-cases.ts';
import { connectStdio, type StdioCommand } from './stdio-peer.ts';

const node = (...args: string[]): StdioCommand => ({ command: process.execPath, args });

const stdio = (id: string, { command, args }: StdioCommand, env: Record<string, string> = {}) =>
  connector(id, { kind: 'stdio', command, args, env, cwd: undefined });
const http = (id: string, url: string) => connector(id, { kind: 'http', url, headers: {} });

const stack = new AsyncDisposableStack();
const memoryFile = (name: string): Record<string, string> => ({
  MEMORY_FILE_PATH: join(folder.path, name),
});

const folder = stack.use(tempFolder('differential-'));
let gateway: TestGateway;
let fixtureUrl: string;
let legacyFixtureUrl: string;
let everythingUrl: string;

beforeAll(async () => {
  writeFileSync(join(folder.path, 'note.txt'), 'a note\nof two lines\n');
  writeFileSync(join(folder.path, 'pixel.png'), Buffer.from(TINY_PNG, 'base64'));
  const both = stack.use(await startConformanceServer());
  const legacy = stack.use(await startConformanceServer({ eras: 'legacy' }));
  const everything = stack.use(await startEverythingHttp());
  everythingUrl = everything.url;
  fixtureUrl = both.url;
  legacyFixtureUrl = legacy.url;
  gateway = stack.use(
    await startGateway([
      http('fixture', fixtureUrl),
      http('fixture-legacy', legacyFixtureUrl),
      http('everything-http', everythingUrl),
      stdio('everything', node(npmServer('everything'), 'stdio')),
      stdio('filesystem', node(npmServer('filesystem'), folder.path)),
      stdio('memory', node(npmServer('memory')), memoryFile('through.jsonl')),
    ]),
  );
  await awaitCatalog(gateway);
}, 60_000);

afterAll(async () => {
  await stack.disposeAsync();
});

interface Pair {
  /** The gateway speaks another era to the server than the client to the gateway. */
  readonly bridged?: boolean;
  readonly connectorId: string;
  readonly direct: () => Promise<RawPeer>;
  readonly through: (url: string) => Promise<RawPeer>;
  readonly cases: readonly ServerCase[];
}

const PAIRS: Readonly<Record<string, Pair>> = {
  'the fixture, 2026-07-28': {
    connectorId: 'fixture',
    direct: async () => connectModern(fixtureUrl),
    through: connectModern,
    cases: FIXTURE_CASES,
  },
  'the fixture, 2025-11-25': {
    connectorId: 'fixture-legacy',
    direct: async () => connectLegacy(legacyFixtureUrl),
    through: connectLegacy,
    cases: FIXTURE_CASES,
  },
  'server-everything over HTTP': {
    connectorId: 'everything-http',
    direct: async () => connectLegacy(everythingUrl),
    through: connectLegacy,
    cases: EVERYTHING_CASES,
  },
  'server-everything over stdio': {
    connectorId: 'everything',
    direct: async () => connectStdio(node(npmServer('everything'), 'stdio')),
    through: connectLegacy,
    cases: EVERYTHING_CASES,
  },
  'server-filesystem': {
    connectorId: 'filesystem',
    direct: async () => connectStdio(node(npmServer('filesystem'), folder.path)),
    through: connectLegacy,
    cases: filesystemCases(folder.path),
  },
  'server-memory': {
    connectorId: 'memory',
    direct: async () =>
      connectStdio({ ...node(npmServer('memory')), env: memoryFile('direct.jsonl') }),
    through: connectLegacy,
    cases: MEMORY_CASES,
  },
};

/** The older side of a bridge has no result types; the rest is the same. */
const BRIDGED: Readonly<Record<string, Pair>> = {
  'server-everything over stdio, for a client of 2026-07-28': {
    connectorId: 'everything',
    direct: async () => connectStdio(node(npmServer('everything'), 'stdio')),
    through: connectModern,
    cases: EVERYTHING_CASES,
    bridged: true,
  },
  'server-everything over HTTP, for a client of 2026-07-28': {
    connectorId: 'everything-http',
    direct: async () => connectLegacy(everythingUrl),
    through: connectModern,
    cases: EVERYTHING_CASES,
    bridged: true,
  },
  'the fixture of 2025-11-25, for a client of 2026-07-28': {
    connectorId: 'fixture-legacy',
    direct: async () => connectLegacy(legacyFixtureUrl),
    through: connectModern,
    cases: FIXTURE_CASES,
    bridged: true,
  },
  'the fixture of 2026-07-28, for a client of 2025-11-25': {
    connectorId: 'fixture',
    direct: async () => connectModern(fixtureUrl),
    through: connectLegacy,
    cases: FIXTURE_CASES,
    bridged: true,
  },
};
const ALL = { ...PAIRS, ...BRIDGED };

describe('the same requests, directly and through the gateway', () => {
  test.for(Object.keys(ALL))('%s', { timeout: 60_000 }, async (name) => {
    const pair = (ALL as Readonly<Record<string, Pair>>)[name];
    if (pair === undefined) throw new Error(`no pair ${name}`);
    await using direct = await pair.direct();
    await using through = await pair.through(gateway.url(pair.connectorId));
    const none: readonly Difference[] = [];
    const cases = [...pair.cases, ...UNKNOWN_CASES];
    const differences = await compareServer(direct, through, {
      cases,
      bridged: pair.bridged === true,
    });
    expect(differences).toStrictEqual(none);
  });
});
