// A gateway that says how it is doing: node --expose-gc soak-child.ts '<mcpServers as JSON>'
import { getActiveResourcesInfo, memoryUsage } from 'node:process';
import { createGateway } from '../../src/create-gateway.ts';

/** What a gateway holds. */
export interface Held {
  readonly rssBytes: number;
  readonly heapBytes: number;
  /** Live handles and timers, by what they are. */
  readonly resources: Readonly<Record<string, number>>;
  readonly sessions: number;
  readonly longestStallMs: number;
}

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

function held(): Held {
  const collect = globalThis.gc;
  if (collect === undefined) throw new Error('start it with --expose-gc');
  const stalledMs = longestStallMs;
  collect();
  collect();
  // A collection on demand is no stall of the gateway's.
  lastMs = performance.now();
  const resources: Record<string, number> = {};
  for (const kind of getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  const clients = gateway.status()['clients'] as { sessions: number };
  const { rss, heapUsed } = memoryUsage();
  return {
    rssBytes: rss,
    heapBytes: heapUsed,
    resources,
    sessions: clients.sessions,
    longestStallMs: stalledMs,
  };
}

process.on('message', (message) => {
  const report = message === 'held' ? held() : undefined;
  if (report !== undefined) process.send?.(report);
  if (message === 'close') {
    void gateway.close().then(() => process.disconnect?.());
  }
});
process.send?.({ url });
