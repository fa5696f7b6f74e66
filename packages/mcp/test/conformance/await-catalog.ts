import { waitUntil } from '@cortex-os/testkit';
import type { TestGateway } from '../e2e/gateway-fixture.ts';

interface Counts {
  readonly tools: number;
  readonly prompts: number;
  readonly resources: number;
}

const sum = (counts: readonly (Partial<Counts> | undefined)[]): number =>
  counts.reduce(
    (total, { tools = 0, prompts = 0, resources = 0 } = {}) => total + tools + prompts + resources,
    0,
  );

interface Status {
  readonly connectors: readonly (Partial<Counts> & { readonly state: string })[];
  readonly catalog: Counts;
}

/** A list without a time to live is stale at once. */
const USABLE: ReadonlySet<string> = new Set(['fresh', 'stale']);

/**
 * Syncs, and waits until every connector is known and the catalog, which follows a sync, holds what they offer. A
 * connector that failed is tried again by itself in the meantime.
 */
export async function awaitCatalog(gateway: TestGateway, timeoutMs = 5_000): Promise<void> {
  await gateway.service.manager.sync();
  await waitUntil(
    async () => {
      const response = await fetch(`${gateway.origin}/status`);
      const { connectors, catalog } = (await response.json()) as Status;
      return (
        connectors.every(({ state }) => USABLE.has(state)) && sum(connectors) === sum([catalog])
      );
    },
    { timeoutMs, describe: 'the catalog holds what the connectors offer' },
  );
}
