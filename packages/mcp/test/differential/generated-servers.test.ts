import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tempFolder, waitUntil } from '@cortex-os/testkit';
import { assert, asyncProperty, type RunDetails } from 'fast-check';
import { expect, test } from 'vitest';
import type { ConnectorDefinition } from '../../src/connectors/connector.ts';
import { connector, startGateway, type TestGateway } from '../e2e/gateway-fixture.ts';
import { compareServer } from './compare-server.ts';
import { startGeneratedHttp, type GeneratedHttpServer } from './generated-http-server.ts';
import { generatedSpec, type GeneratedItem, type GeneratedSpec } from './generated-spec.ts';
import { connectLegacy, connectModern } from './http-peer.ts';
import { canonical, type Json } from './raw-peer.ts';
import type { ServerCase } from './server-cases.ts';
import { connectStdio } from './stdio-peer.ts';

const STDIO_SERVER = fileURLToPath(new URL('generated-stdio-server.ts', import.meta.url));
const ID = 'generated';
const CONDITION = '--conditions=cortex-source';

/** A new seed for each run; a failure names it, and `DIFFERENTIAL_SEED` runs it again. */
const seed = Number(process.env['DIFFERENTIAL_SEED'] ?? Date.now() % 2 ** 31);
/** `DIFFERENTIAL_FACTOR=20` looks for more than a normal run has time for. */
const factor = Number(process.env['DIFFERENTIAL_FACTOR'] ?? 1);

/** Without the counterexample, which may be hundreds of kilobytes: seed and path find it again. */
function report({ failed, counterexamplePath, errorInstance }: RunDetails<[GeneratedSpec]>): void {
  if (!failed) return;
  throw new Error(`seed ${seed}, path ${counterexamplePath}`, { cause: errorInstance });
}

const runs = (numRuns: number) => ({
  numRuns: numRuns * factor,
  seed,
  endOnFailure: true,
  reporter: report,
});

function caseOf(method: string) {
  return ({ name, asked, meta, progress }: GeneratedItem): ServerCase => {
    const token = progress.length === 0 ? '' : '"progressToken":"ü 1"';
    const parts = [meta, token].filter((part) => part !== '');
    return {
      label: `${method} ${JSON.stringify(name)}`,
      request: { method, params: asked, meta: parts.join(','), name },
    };
  };
}

const casesOf = ({ tools, prompts, resources }: GeneratedSpec): ServerCase[] => [
  ...tools.map(caseOf('tools/call')),
  ...prompts.map(caseOf('prompts/get')),
  ...resources.map(caseOf('resources/read')),
];

async function startGatewayFor(transport: ConnectorDefinition['transport']): Promise<TestGateway> {
  const gateway = await startGateway([connector(ID, transport)]);
  await gateway.service.manager.sync();
  // The catalog follows the sync; until then the gateway does not know what the server says of itself.
  await waitUntil(async () => 'instructions' in (await connectModern(gateway.url(ID))).hello, {
    describe: 'the catalog holds the generated server',
  });
  return gateway;
}

/** What the client sent, without what a revision wants in `_meta` and the token, which only means something on the way. */
function askedText(asked: readonly Json[]): string {
  return canonical(
    asked.map(({ method, params }) => {
      const { _meta: meta, ...rest } = params as { _meta?: Json };
      const kept = Object.entries(meta ?? {}).filter(([key]) => key.startsWith('com.example/'));
      return { method, params: rest, meta: Object.fromEntries(kept) };
    }),
  );
}

async function compareAsked(
  server: GeneratedHttpServer,
  spec: GeneratedSpec,
  connect: typeof connectModern,
  url: string,
): Promise<void> {
  await using direct = await connect(server.url);
  await using through = await connect(url);
  const cases = casesOf(spec);
  for (const { request } of cases) await direct.ask(request);
  const left = askedText(server.takeAsked());
  for (const { request } of cases) await through.ask(request);
  expect(askedText(server.takeAsked())).toBe(left);
}

test.for([
  ['modern', connectModern],
  ['legacy', connectLegacy],
] as const)(
  `a generated %s server over HTTP is the same through the gateway, seed ${seed}`,
  { timeout: 60_000 * factor },
  async ([era, connect]) => {
    await assert(
      asyncProperty(generatedSpec, async (spec) => {
        await using server = await startGeneratedHttp(spec, era);
        const transport = { kind: 'http', url: server.url, headers: {} } as const;
        await using gateway = await startGatewayFor(transport);
        const url = gateway.url(ID);
        {
          await using direct = await connect(server.url);
          await using through = await connect(url);
          expect(await compareServer(direct, through, { cases: casesOf(spec) })).toStrictEqual([]);
        }
        server.takeAsked();
        await compareAsked(server, spec, connect, url);
      }),
      runs(40),
    );
  },
);

test(
  `a generated server over stdio is the same through the gateway, seed ${seed}`,
  {
    timeout: 60_000 * factor,
  },
  async () => {
    await using folder = tempFolder('generated-');
    let count = 0;
    await assert(
      asyncProperty(generatedSpec, async (spec) => {
        count += 1;
        const file = join(folder.path, `${count}.json`);
        writeFileSync(file, JSON.stringify(spec));
        const args = [CONDITION, '--disable-warning=ExperimentalWarning', STDIO_SERVER, file];
        const command = { command: process.execPath, args };
        await using gateway = await startGatewayFor({
          kind: 'stdio',
          ...command,
          env: {},
          cwd: undefined,
        });
        await using direct = await connectStdio(command);
        await using through = await connectLegacy(gateway.url(ID));
        expect(await compareServer(direct, through, { cases: casesOf(spec) })).toStrictEqual([]);
      }),
      runs(5),
    );
  },
);
