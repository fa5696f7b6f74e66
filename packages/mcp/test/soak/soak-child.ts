// A gateway that says how it is doing: node --expose-gc soak-child.ts '<mcpServers as JSON>'
import { getActiveResourcesInfo, memoryUsage } from 'node:process';
// As it is shipped: from sources each module that is loaded late costs the memory of what strips its types.
import { createGateway } from '@cortex-os/mcp';

/** What a gateway holds. */
export interface Held {
  readonly rssBytes: number;
  readonly heapBytes: number;
  /** Live handles and timers, by what they are. */
  readonly resources: Readonly<Record<string, number>>;
  readonly sessions: number;
  readonly longestStallMs: number;
}

const SETTLING_LOOKS = 3;
const SETTLING_MS = 500;

const gateway = await createGateway({ mcpServers: JSON.parse(process.argv[2] ?? '{}') });
const { url } = await gateway.start();
await gateway.manager.sync();

let longestStallMs = 0;
let lastMs = performance.now();
setInterval(() => {
  const nowMs = performance.now();
  longestStallMs = Math.max(longestStallMs, nowMs - lastMs - 10);
  lastMs = nowMs;
}, 10).unref();

/**
 * The engine keeps free pages for 8 s or more before it gives them back; a collection of last resort empties that pool
 * at once. What counts is what the process comes down to.
 */
async function settledRss(collect: NodeJS.GCFunction): Promise<number> {
  let least = Infinity;
  for (let look = 0; look < SETTLING_LOOKS; look += 1) {
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    least = Math.min(least, memoryUsage.rss());
    await new Promise((resolve) => setTimeout(resolve, SETTLING_MS));
  }
  return least;
}

async function held(): Promise<Held> {
  const collect = globalThis.gc;
  if (collect === undefined) throw new Error('start it with --expose-gc');
  const stalledMs = longestStallMs;
  const rssBytes = await settledRss(collect);
  // A collection on demand is no stall of the gateway's.
  longestStallMs = 0;
  const resources: Record<string, number> = {};
  for (const kind of getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  const clients = gateway.status()['clients'] as { sessions: number };
  const { heapUsed } = memoryUsage();
  return {
    rssBytes,
    heapBytes: heapUsed,
    resources,
    sessions: clients.sessions,
    longestStallMs: stalledMs,
  };
}

process.on('message', (message) => {
  if (message === 'held') void held().then((report) => process.send?.(report));
  if (message === 'close') {
    void gateway.close().then(() => process.disconnect?.());
  }
});
process.send?.({ url });
