import { waitForShared } from './cache/cache-wait.ts';
import type { ConnectorEntry } from './entry/connector-entry.ts';
import { waitForFirstList } from './first-list.ts';

/**
 * What a list of one connector, or of all, waits for before it is answered: undefined for nothing. The promise never
 * rejects and is bounded by `waitMs`.
 */
export type ListPolicy = (connectorId: string | undefined) => Promise<void> | undefined;

export interface ListPolicyOptions {
  /** The longest wait of one list (`firstListWaitMs`); 0 = none. */
  readonly waitMs: number;
  /** All there are now, by id. */
  readonly entries: ReadonlyMap<string, ConnectorEntry>;
  /** When the last of them was added, on the clock of `performance.now()`. */
  readonly lastAddedAtMs: () => number;
  /** Calls the listener whenever an entry may have settled; returns a function that ends that. */
  readonly onChange: (listener: () => void) => () => void;
  /** Syncs one entry within the bound of a pass; joins an attempt under way. Never rejects. */
  readonly sync: (entry: ConnectorEntry, force: boolean) => Promise<unknown>;
}

/** A list that finds a connector stale asks it again no more often than this. */
const MIN_DEMAND_REFRESH_MS = 5_000;
/** Demand for a connector is noted at most this often: lists may come by the thousand. */
const DEMAND_TICK_MS = 1_000;

/**
 * The default: a list is answered from memory and waits only for connectors nothing is known of yet (contract.md,
 * first list). What it shows is kept fresh, and what is stale is asked for again, behind its back.
 * @param noteDemand tells the scheduler that somebody looks at a connector.
 */
function createMemoryPolicy(
  options: ListPolicyOptions,
  noteDemand: (connectorId: string) => void,
): ListPolicy {
  const { entries, waitMs, lastAddedAtMs } = options;
  let allNotedAtMs = -Infinity;
  const note = (entry: ConnectorEntry, now: number): void => {
    if (now - entry.demandNotedAtMs < DEMAND_TICK_MS) return;
    entry.demandNotedAtMs = now;
    noteDemand(entry.definition.id);
    const idle = now - entry.attemptedAtMs >= MIN_DEMAND_REFRESH_MS;
    if (idle && entry.usable && entry.state() !== 'fresh') void options.sync(entry, false);
  };
  return (connectorId) => {
    const now = performance.now();
    if (connectorId !== undefined) {
      const entry = entries.get(connectorId);
      if (entry === undefined) return undefined;
      note(entry, now);
      if (entry.settled || entry.addedAtMs + waitMs <= now) return undefined;
      return waitForFirstList([entry], options);
    }
    if (now - allNotedAtMs >= DEMAND_TICK_MS) {
      allNotedAtMs = now;
      for (const entry of entries.values()) note(entry, now);
    }
    if (lastAddedAtMs() + waitMs <= now) return undefined;
    return waitForFirstList([...entries.values()], options);
  };
}

function selected(
  { entries }: ListPolicyOptions,
  connectorId: string | undefined,
): readonly ConnectorEntry[] {
  if (connectorId === undefined) return [...entries.values()];
  const entry = entries.get(connectorId);
  return entry === undefined ? [] : [entry];
}

/**
 * `MCP_CONNECTOR_REFRESH_SYNC`: a list asks every connector that is not fresh, the stale ones too, and waits for
 * them. One that failed is not asked before its time.
 */
function createInlinePolicy(options: ListPolicyOptions): ListPolicy {
  return (connectorId) => {
    const due = selected(options, connectorId).filter(
      (entry) => entry.usable && entry.state() !== 'fresh',
    );
    return askAll(due, false, options);
  };
}

/** `MCP_CONNECTOR_MANIFEST_CACHE` off: every list asks every connector, and waits for them. */
function createUncachedPolicy(options: ListPolicyOptions): ListPolicy {
  return (connectorId) =>
    askAll(
      selected(options, connectorId).filter((entry) => entry.usable),
      true,
      options,
    );
}

/** Chosen once; no list consults a flag. */
export function createListPolicy(
  {
    manifestCache = true,
    backgroundRefresh = true,
  }: { readonly manifestCache?: boolean; readonly backgroundRefresh?: boolean },
  options: ListPolicyOptions & { readonly noteDemand: (connectorId: string) => void },
): ListPolicy {
  if (!manifestCache) return createUncachedPolicy(options);
  if (!backgroundRefresh) return createInlinePolicy(options);
  return createMemoryPolicy(options, options.noteDemand);
}

function askAll(
  entries: readonly ConnectorEntry[],
  force: boolean,
  { sync, waitMs }: ListPolicyOptions,
): Promise<void> | undefined {
  if (entries.length === 0) return undefined;
  const asked = Promise.all(entries.map(async (entry) => await sync(entry, force)));
  if (waitMs <= 0) return undefined;
  return waitForShared(asked, { timeoutMs: waitMs }).then(() => undefined);
}
