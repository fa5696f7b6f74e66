import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  startUpstream,
  tempFolder,
  type FleetKind,
  type HttpFault,
  type HttpUpstream,
  type RunningUpstream,
  type TempFolder,
} from '@cortex-os/testkit';
import { entryFor, hostOf, signedMap, startMapServer, type MapServer } from '../e2e/map-fixture.ts';
import { createFakeClock, type FakeClock } from './fake-clock.ts';
import { GatewayProcess } from './gateway-process.ts';
import { REGISTRY_KEY } from './writers.ts';

const KINDS: readonly FleetKind[] = [
  'modern-http',
  'modern-http',
  'legacy-http-session',
  'legacy-http-session',
  'legacy-http-stateless',
  'dual-http',
  'modern-stdio',
  'legacy-stdio',
];
/** Calls that hang end after this, so that a run sees many of them. */
const IDLE_TIMEOUT_MS = 2_000;
/** How long after a disturbance its effects may still be seen: open breakers, restarts with backoff. */
const GRACE_MS = 20_000;

export interface Member {
  readonly id: string;
  readonly upstream: RunningUpstream;
}

/** A gateway with real servers behind it, some from its file and some from a signed map. */
export interface World extends AsyncDisposable {
  readonly gateway: GatewayProcess;
  readonly members: readonly Member[];
  readonly map: MapServer;
  readonly clock: FakeClock;
  /** Notes that something was done to a connector, or is done with it. */
  disturb(id: string): void;
  disturbed(id: string, sinceMs: number): boolean;
  /** Puts everything right. */
  heal(): void;
  /** Writes the configuration again, with a connector more or less. */
  editConfig(withExtra: boolean): Promise<void>;
}

/** @param died told why the gateway ended unasked. */
export async function createWorld(died: (why: string) => void): Promise<World> {
  const folder = tempFolder();
  const clock = createFakeClock(folder.path);
  const members = await Promise.all(
    KINDS.map(async (kind, index): Promise<Member> => ({
      id: `${kind}-${index}`,
      upstream: await startUpstream({ kind, toolCount: 5 }),
    })),
  );
  const mapped = await Promise.all(
    ['mapped-1', 'mapped-2'].map(async (id): Promise<{ id: string; upstream: HttpUpstream }> => ({
      id,
      upstream: await startUpstream({ kind: 'modern-http', toolCount: 5 }),
    })),
  );
  const map = await startMapServer(
    signedMap(mapped.map(({ id, upstream }) => entryFor(upstream, id))),
  );
  const config = join(folder.path, 'cortex-mcp.json');
  const write = async (withExtra: boolean): Promise<void> => {
    const [first] = members;
    const extra =
      withExtra && first !== undefined ? [{ id: 'extra', upstream: first.upstream }] : [];
    await writeFile(
      config,
      configText(
        [...members, ...extra],
        map,
        mapped.map(({ upstream }) => upstream),
      ),
    );
  };
  await write(false);
  const gateway = await GatewayProcess.start(
    config,
    {
      CORTEX_HOME: folder.path,
      CHAOS_REGISTRY_KEY: REGISTRY_KEY,
      CONNECTORS_SIGNATURE_KEY: 'the signing secret',
      MCP_DRAIN_LAME_DUCK_MS: '1000',
      MCP_LOG_LEVEL: 'warn',
      ...clock.env,
    },
    died,
  );
  return assemble({ folder, gateway, members: [...members, ...mapped], map, clock, write });
}

function assemble(parts: {
  readonly folder: TempFolder;
  readonly gateway: GatewayProcess;
  readonly members: readonly Member[];
  readonly map: MapServer;
  readonly clock: FakeClock;
  readonly write: (withExtra: boolean) => Promise<void>;
}): World {
  const { folder, gateway, members, map, clock, write } = parts;
  const untilMs = new Map<string, number>();
  return {
    gateway,
    members,
    map,
    clock,
    disturb: (id) => void untilMs.set(id, performance.now() + GRACE_MS),
    disturbed: (id, sinceMs) =>
      (untilMs.get(id) ?? 0) >= sinceMs || gateway.wasAwaySince(sinceMs - GRACE_MS),
    heal() {
      for (const { upstream } of members) upstream.setFaults([]);
    },
    editConfig: write,
    async [Symbol.asyncDispose]() {
      await gateway.close();
      await map[Symbol.asyncDispose]();
      await Promise.all(members.map(async ({ upstream }) => await upstream.close()));
      await folder[Symbol.asyncDispose]();
    },
  };
}

function entryOf(upstream: RunningUpstream): object {
  const timeouts = {
    connectTimeoutMs: 1_000,
    handshakeTimeoutMs: 5_000,
    idleTimeoutMs: IDLE_TIMEOUT_MS,
  };
  return upstream.transport === 'http'
    ? { url: upstream.url, timeouts }
    : { ...upstream.command, timeouts };
}

function configText(
  members: readonly Member[],
  map: MapServer,
  mapped: readonly HttpUpstream[],
): string {
  return JSON.stringify({
    mcpServers: Object.fromEntries(members.map(({ id, upstream }) => [id, entryOf(upstream)])),
    serviceMap: { url: map.url, allowHosts: mapped.map(hostOf) },
    registry: { enabled: true, http: true, apiKey: '${CHAOS_REGISTRY_KEY}' },
  });
}

/** Ways in which a server over HTTP can go wrong. */
export const HTTP_FAULTS: readonly (readonly HttpFault[])[] = [
  [{ kind: 'hang-before-headers' }],
  [{ kind: 'hang-mid-body', method: 'tools/call' }],
  [{ kind: 'reset' }],
  [{ kind: 'reset', at: 'mid-body', method: 'tools/call' }],
  [{ kind: 'status', status: 503 }],
  [{ kind: 'status', status: 429 }],
  [{ kind: 'slow-bytes', bytesPerSecond: 40, method: 'tools/call' }],
  [{ kind: 'session-404', times: 3 }],
  [{ kind: 'session-400', times: 3 }],
  [{ kind: 'tcp-refuse' }],
  [{ kind: 'odd-content', form: 'invalid-json', method: 'tools/call' }],
  [{ kind: 'odd-content', form: 'html' }],
];
