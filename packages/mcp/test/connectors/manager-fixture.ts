import { pino } from 'pino';
import { afterEach, beforeEach, vi } from 'vitest';
import type { ConnectorDefinition } from '../../src/connectors/connector.ts';
import {
  ConnectorProxyManager,
  type ConnectorProxyManagerOptions,
} from '../../src/connectors/manager.ts';
import type { SyncedUpstream } from '../../src/connectors/entry/synced-upstream.ts';
import { createUpstreamFactory } from '../../src/service/upstream-factory.ts';
import { createSharedAgents } from '../../src/upstream/streamable-http/agent.ts';
import { createReaper } from '../../src/upstream/process/reaper.ts';

interface RunningManager extends AsyncDisposable {
  readonly manager: ConnectorProxyManager;
}

/** A manager with the wires of a service, begun. */
export function startManager(
  connectors: readonly ConnectorDefinition[],
  more: Partial<ConnectorProxyManagerOptions> = {},
): RunningManager {
  const agents = createSharedAgents();
  const reaper = createReaper();
  const { random = (): number => 0.5 } = more;
  const manager = new ConnectorProxyManager({
    connectors,
    random,
    createUpstream: createUpstreamFactory({
      agents,
      remoteAgents: agents,
      remoteLookup: undefined,
      reaper,
      baseEnv: {},
      clientInfo: { name: 'gateway', version: '9.9.9' },
      limitStart: async (run) => await run(),
      random,
      listens: false,
      logger: pino({ level: 'silent' }),
    }),
    ...more,
  });
  manager.start();
  return {
    manager,
    async [Symbol.asyncDispose]() {
      await manager.disconnect();
      await agents.close();
      await reaper.close();
    },
  };
}

/** What a scripted server says to a method: raw JSON of the result. */
type Script = (method: string) => string | Promise<string>;

/** An upstream without a wire: a modern server with tools and prompts. */
export function scripted(connectorId: string, script: Script): SyncedUpstream {
  const info = {
    era: 'modern',
    protocolVersion: '2026-07-28',
    capabilities: { tools: {}, prompts: {} },
    serverInfo: undefined,
    instructions: undefined,
  } as const;
  return {
    connectorId,
    info: undefined,
    phase: 'ready',
    connect: async () => await Promise.resolve(info),
    request: async (method) => await script(method),
    forward: () => {
      throw new Error('nothing is called here');
    },
    setInterest: async () => await Promise.resolve(),
    close: async () => await Promise.resolve(),
  };
}

/** Lists of one tool and one prompt, fresh for `ttlMs`. */
export function listsOf(method: string, ttlMs: number): string {
  const kind = method === 'tools/list' ? 'tools' : 'prompts';
  return JSON.stringify({ [kind]: [{ name: `one_of_${kind}` }], ttlMs, cacheScope: 'public' });
}

/** A fake clock around each test of the file, by which everything of ours waits; sockets need the real `setImmediate`. */
export function useFakeClock(): void {
  beforeEach(() => {
    vi.useFakeTimers({
      now: Date.parse('2026-11-20T12:00:00Z'),
      toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'],
    });
  });
  afterEach(() => void vi.useRealTimers());
}

/** Real sockets go on while the clock stands: lets them, until no sync is under way. */
async function settled(manager: ConnectorProxyManager): Promise<void> {
  for (let calm = 0; calm < 5; calm = manager.syncing ? 0 : calm + 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Moves the fake clock, then lets what is due then end. */
export async function pass(manager: ConnectorProxyManager, ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  await settled(manager);
}
