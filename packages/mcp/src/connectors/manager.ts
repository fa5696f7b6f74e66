import { isDeepStrictEqual } from 'node:util';
import pLimit from 'p-limit';
import { ManifestCache } from './cache.ts';
import type { CacheStore } from './cache-store.ts';
import type { ConnectorDefinition, ConnectorFailure } from './connector.ts';
import { ConnectorEntry, type CreateUpstream, type ServedManifest } from './connector-entry.ts';
import { waitForFirstList } from './first-list.ts';
import { sameManifest, type CachedManifest } from './manifest-store.ts';
import { RefreshScheduler } from './refresh-scheduler.ts';
import type { RefreshResult } from './refresh-scheduler-due.ts';
import type { ConnectorStatus, SyncOutcome, SyncReport } from './sync-report.ts';

export interface ConnectorProxyManagerOptions {
  readonly connectors: readonly ConnectorDefinition[];
  readonly createUpstream: CreateUpstream;
  /** Uniform in [0, 1); spreads refreshes and retries. */
  readonly random: () => number;
  /** Connectors synced at the same time, default 48 (`MCP_CONNECTOR_SYNC_CONCURRENCY`); 1 is the sequential off path. */
  readonly syncConcurrency?: number;
  /** How long a first list may wait for connectors nothing is known of, from their start. Default 1500; 0 = never. */
  readonly firstListWaitMs?: number;
  /** When the wait of a first list for `connectors` began, on the clock of `performance.now()`. Default: now. */
  readonly startedAtMs?: number | undefined;
  /** False (`MCP_CONNECTOR_REFRESH_SYNC`): nothing is refreshed in the background, only when a list is asked for. */
  readonly backgroundRefresh?: boolean;
  /** The longest time between two refreshes of a connector. Default 300000. */
  readonly refreshIntervalMs?: number;
  /** Keeps manifests over a restart. Default: nothing is kept. */
  readonly store?: CacheStore<CachedManifest> | undefined;
  /** Told of what goes wrong in the background; `what` names it. Default: ignored. */
  readonly onError?: (what: string, error: unknown) => void;
}

/** A fetch brings its own deadlines, one for each phase; this only ends one that lost them. */
const FETCH_BACKSTOP_MS = 120_000;
/** A list that finds a connector stale asks it again no more often than this. */
const MIN_DEMAND_REFRESH_MS = 5_000;
/** Demand is noted at most this often: lists may come by the thousand. */
const DEMAND_TICK_MS = 1_000;

/**
 * Keeps what should be connected and what is connected the same (S4-09, S4-13): one bounded, isolated pass over all
 * connectors at a time, then refreshes in the background. Nothing happens before `start` or the first `sync`.
 */
export class ConnectorProxyManager {
  readonly #options: ConnectorProxyManagerOptions;
  readonly #limit: <T>(run: () => Promise<T>) => Promise<T>;
  readonly #entries = new Map<string, ConnectorEntry>();
  readonly #listeners = new Set<() => void>();
  readonly #cache: ManifestCache<CachedManifest>;
  readonly #scheduler: RefreshScheduler | undefined;
  #demandNotedAtMs = -Infinity;
  #pass: Promise<SyncReport> | undefined;
  #closed = false;

  constructor(options: ConnectorProxyManagerOptions) {
    this.#options = options;
    const { random, store } = options;
    this.#limit = pLimit(Math.max(1, options.syncConcurrency ?? 48));
    this.#cache = new ManifestCache<CachedManifest>({
      random,
      store,
      equals: sameManifest,
      fetchTimeoutMs: FETCH_BACKSTOP_MS,
      fetch: async (id, signal) => await this.#required(id).fetch(signal),
      onStoreError: (key, error) => options.onError?.(`the manifest of ${key} was not kept`, error),
    });
    if (options.backgroundRefresh !== false) {
      this.#scheduler = new RefreshScheduler({
        intervalMs: options.refreshIntervalMs,
        random,
        onRefresh: async (id) => await this.#refresh(id),
        onError: (id, error) => options.onError?.(`the refresh of ${id} failed`, error),
      });
    }
    const { startedAtMs = performance.now() } = options;
    for (const definition of options.connectors) this.#add(definition, startedAtMs);
  }

  /** Takes over the manifests an earlier run kept: they are served as stale until the first sync. */
  async restore(): Promise<void> {
    await this.#cache.restore();
    for (const id of this.#cache.keys()) {
      const reading = this.#cache.get(id);
      const known = reading.kind === 'fresh' || reading.kind === 'stale';
      const entry = this.#entries.get(id);
      if (entry === undefined || (known && reading.value.source !== entry.source)) {
        this.#cache.delete(id);
      }
    }
    this.#changed();
  }

  /** Begins the first pass, and refreshing by itself unless that is switched off. Does not wait. */
  start(): void {
    this.#scheduler?.start();
    if (this.#scheduler === undefined) void this.sync(true);
  }

  /**
   * One pass over all connectors; a pass under way is joined. A connector that fails is an outcome, never an error.
   * @param force also syncs connectors whose manifest is still fresh, or that failed a moment ago. Default false.
   */
  async sync(force: boolean = false): Promise<SyncReport> {
    this.#pass ??= this.#runPass(force).finally(() => {
      this.#pass = undefined;
    });
    return await this.#pass;
  }

  /** Syncs one connector now, within the same bound as a pass. Undefined when there is no such connector. */
  async syncOne(connectorId: string): Promise<SyncOutcome | undefined> {
    const entry = this.#entries.get(connectorId);
    if (entry === undefined || this.#closed) return undefined;
    return await this.#limit(async () => await entry.sync(true));
  }

  /** Every connector, in order of id, as it stands now. */
  listConnectors(): readonly ConnectorStatus[] {
    return this.#ordered().map((entry) => entry.status());
  }

  /** The manifests that may be served now. */
  served(): readonly ServedManifest[] {
    return this.#ordered().flatMap((entry) => entry.served() ?? []);
  }

  /** @returns a function that ends the subscription. The listener must not throw. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * A client wants a list. Undefined when it can be answered at once; else a promise that resolves as soon as
   * something is known of every connector in question, and no later than `firstListWaitMs` after they were added.
   */
  listWanted(connectorId: string | undefined): Promise<void> | undefined {
    if (this.#closed) return undefined;
    const entries = this.#select(connectorId);
    this.#noteDemand(entries);
    return waitForFirstList(entries, {
      waitMs: this.#options.firstListWaitMs ?? 1_500,
      onChange: (listener) => this.onChange(listener),
    });
  }

  /** True when nothing is left to wait for: every connector is served, or has failed at least once. */
  complete(connectorId: string | undefined): boolean {
    return this.#select(connectorId).every((entry) => entry.settled);
  }

  /** Undefined when there is no such connector; `trouble` when nothing of it can be served now. */
  find(connectorId: string): { readonly trouble: ConnectorFailure | undefined } | undefined {
    const entry = this.#entries.get(connectorId);
    return entry && { trouble: entry.trouble() };
  }

  /**
   * Makes `connectors` the desired set: new ones are added, changed ones replaced, missing ones removed, then the
   * added and replaced ones are synced. The rest is not touched.
   */
  async apply(connectors: readonly ConnectorDefinition[]): Promise<SyncReport> {
    const startedAt = performance.now();
    const wanted = new Map(connectors.map((definition) => [definition.id, definition]));
    const closing: Promise<void>[] = [];
    const removed: SyncOutcome[] = [];
    for (const [id, entry] of this.#entries) {
      if (isDeepStrictEqual(wanted.get(id), entry.definition)) continue;
      this.#entries.delete(id);
      this.#scheduler?.remove(id);
      this.#cache.delete(id);
      closing.push(entry.close());
      if (!wanted.has(id)) removed.push({ kind: 'removed', id });
    }
    const added = connectors.filter(({ id }) => !this.#entries.has(id));
    for (const definition of added) this.#add(definition, startedAt);
    this.#changed();
    const synced = await Promise.all(added.map(async ({ id }) => await this.syncOne(id)));
    await Promise.allSettled(closing);
    const outcomes = [...removed, ...synced.filter((outcome) => outcome !== undefined)];
    return report(startedAt, outcomes);
  }

  /** Ends every refresh and upstream, including those still connecting. Later syncs do nothing. Idempotent. */
  async disconnect(): Promise<void> {
    this.#closed = true;
    const entries = [...this.#entries.values()];
    await Promise.allSettled([
      this.#scheduler?.stop(),
      ...entries.map(async (entry) => await entry.close()),
    ]);
    await this.#cache.close();
    await this.#pass;
  }

  #required(id: string): ConnectorEntry {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new RangeError(`no connector is called ${id}`);
    return entry;
  }

  #select(connectorId: string | undefined): readonly ConnectorEntry[] {
    if (connectorId === undefined) return [...this.#entries.values()];
    const entry = this.#entries.get(connectorId);
    return entry === undefined ? [] : [entry];
  }

  #ordered(): readonly ConnectorEntry[] {
    return [...this.#entries.values()].toSorted(byId);
  }

  #add(definition: ConnectorDefinition, addedAtMs: number): void {
    const entry = new ConnectorEntry(definition, {
      addedAtMs,
      cache: this.#cache,
      createUpstream: this.#options.createUpstream,
      changed: () => this.#changed(),
      outdated: (id) => this.#outdated(id),
    });
    this.#entries.set(definition.id, entry);
    if (entry.usable) this.#scheduler?.add(definition.id);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }

  #outdated(connectorId: string): void {
    if (this.#closed || !this.#entries.has(connectorId)) return;
    this.#cache.invalidate(connectorId);
    this.#scheduler?.notifyChanged(connectorId);
  }

  /** A list was asked for: what it shows is kept fresh, and what is stale is asked for again, behind its back. */
  #noteDemand(entries: readonly ConnectorEntry[]): void {
    const now = performance.now();
    if (now - this.#demandNotedAtMs < DEMAND_TICK_MS) return;
    this.#demandNotedAtMs = now;
    for (const entry of entries) {
      const { id } = entry.definition;
      this.#scheduler?.noteDemand(id);
      const idle = now - entry.attemptedAtMs >= MIN_DEMAND_REFRESH_MS;
      if (idle && entry.usable && entry.state() !== 'fresh') {
        void this.#limit(async () => await entry.sync(false));
      }
    }
  }

  /** What the scheduler calls. */
  async #refresh(id: string): Promise<RefreshResult> {
    const outcome = await this.syncOne(id);
    if (outcome?.kind === 'failed') return { kind: 'failed', retryAfterMs: undefined };
    const served = this.#entries.get(id)?.served();
    return { kind: 'ok', ttlMs: served?.hint.ttlMs };
  }

  async #runPass(force: boolean): Promise<SyncReport> {
    const startedAt = performance.now();
    const entries = this.#closed ? [] : this.#ordered();
    const due = entries.filter((entry) => force || entry.state() !== 'fresh');
    const settled = await Promise.allSettled(
      due.map(async (entry) => await this.#limit(async () => await entry.sync(force))),
    );
    const outcomes = settled.map((result, index) =>
      result.status === 'fulfilled' ? result.value : unexpected(due[index], result.reason),
    );
    return report(startedAt, outcomes);
  }
}

function byId(a: ConnectorEntry, b: ConnectorEntry): number {
  return a.definition.id < b.definition.id ? -1 : 1;
}

/** `ConnectorEntry.sync` never rejects; should it, the pass still reports it by name. */
function unexpected(entry: ConnectorEntry | undefined, reason: unknown): SyncOutcome {
  return {
    kind: 'failed',
    id: entry?.definition.id ?? 'unknown',
    durationMs: 0,
    phase: 'connect',
    code: 'INTERNAL',
    message: String(reason),
    nextAttemptMs: undefined,
  };
}

function report(startedAt: number, outcomes: readonly SyncOutcome[]): SyncReport {
  return {
    durationMs: performance.now() - startedAt,
    outcomes: outcomes.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
  };
}
