import { setTimeout as delay } from 'node:timers/promises';
import { startFleet, waitUntil, type HttpUpstream } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { sendModern } from '../test/gateway/raw-client.ts';
import {
  PM2_VERSION,
  installPm2,
  newBuild,
  readyAfter,
  startOperator,
  type Status,
} from './pm2-operator.ts';

// The rollback as an operator runs it (S4-19, S4-38; B7.28: the app's name, and --update-env).

const INTERVAL_MS = 1_000;

async function listedTools(origin: string): Promise<readonly string[]> {
  const answer = (await sendModern(`${origin}/mcp`, 'tools/list')).json() as {
    result: { tools: readonly { name: string }[] };
  };
  return answer.result.tools.map(({ name }) => name);
}

/** What was asked of each server, but for the streams on which it may tell of changes: those may open at any time. */
const askedOf = (fleet: readonly HttpUpstream[]): readonly unknown[] =>
  fleet.map(({ counts }) => {
    const { GET: _, 'subscriptions/listen': __, ...asked } = counts.byMethod;
    return asked;
  });

/** What the flag is now, and where that comes from, as the operator sees it. */
const flagOf = ({ settings }: Status): unknown => settings['MCP_CONNECTOR_REFRESH_SYNC'];

/** When each connector is refreshed next, as the page shows it: the times of the one timer, null where there is none. */
async function nextRefreshes(origin: string): Promise<readonly (number | null)[]> {
  const answer = await fetch(`${origin}/page/api/overview`);
  const { connectors } = (await answer.json()) as {
    connectors: readonly { nextRefreshAt: number | null }[];
  };
  return connectors.map(({ nextRefreshAt }) => nextRefreshAt);
}

test(
  'MCP_CONNECTOR_REFRESH_SYNC=true pm2 restart cortex-mcp --update-env ends background refresh, =false brings it back (S4-19, S4-38, B7.28)',
  {
    timeout: 300_000,
  },
  async (context) => {
    const problem = await installPm2();
    context.skip(problem !== undefined, `pm2 ${PM2_VERSION} cannot be installed: ${problem}`);
    await newBuild();
    await using fleet = await startFleet([
      { kind: 'modern-http', ttlMs: 3_600_000 },
      { kind: 'legacy-http-session' },
    ]);
    const servers = fleet.map((upstream, index) => [`c${index}`, { url: upstream.url }]);
    await using operator = await startOperator(
      Object.fromEntries(servers),
      { drainLameDuckMs: 0 },
      { MCP_CONNECTOR_REFRESH_INTERVAL_MS: String(INTERVAL_MS) },
    );
    const { origin, pm2 } = operator;

    await pm2(['start', 'ecosystem.config.cjs', '--only', 'cortex-mcp']);
    const first = await readyAfter(origin, 0);
    expect(flagOf(first)).toEqual({ value: false, origin: { kind: 'default' } });
    let whole: readonly string[] = [];
    await waitUntil(
      async () => {
        whole = await listedTools(origin);
        return whole.includes('c0__echo') && whole.includes('c1__echo');
      },
      { describe: 'both servers are listed' },
    );
    await expectRefreshes(fleet);
    expect(await nextRefreshes(origin)).toEqual([expect.any(Number), expect.any(Number)]);

    await pm2(['restart', 'cortex-mcp', '--update-env'], { MCP_CONNECTOR_REFRESH_SYNC: 'true' });
    const rolledBack = await readyAfter(origin, first.service.pid);
    const variable = 'MCP_CONNECTOR_REFRESH_SYNC';
    expect(flagOf(rolledBack)).toEqual({ value: true, origin: { kind: 'environment', variable } });
    expect(await listedTools(origin)).toEqual(whole);
    expect(await nextRefreshes(origin)).toEqual([null, null]);
    const still = askedOf(fleet);
    // Nothing happens, which only time can show.
    await delay(3 * INTERVAL_MS);
    expect(askedOf(fleet)).toEqual(still);
    expect(await listedTools(origin)).toEqual(whole);

    await pm2(['restart', 'cortex-mcp', '--update-env'], { MCP_CONNECTOR_REFRESH_SYNC: 'false' });
    const restored = await readyAfter(origin, rolledBack.service.pid);
    expect(flagOf(restored)).toEqual({ value: false, origin: { kind: 'environment', variable } });
    expect(await listedTools(origin)).toEqual(whole);
    await expectRefreshes(fleet);
    expect(await operator.log()).not.toContain('SIGKILL');
  },
);

/** Each server is asked again, and again, by itself. */
async function expectRefreshes(fleet: readonly HttpUpstream[]): Promise<void> {
  const lists = (): readonly number[] =>
    fleet.map(({ counts }) => counts.byMethod['tools/list'] ?? 0);
  const before = lists();
  await waitUntil(() => lists().every((count, index) => count >= (before[index] ?? 0) + 2), {
    timeoutMs: 10 * INTERVAL_MS,
    describe: 'every server was refreshed twice',
  });
}
