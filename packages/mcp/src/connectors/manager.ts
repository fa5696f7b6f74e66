import { isDeepStrictEqual } from 'node:util';
import { createSyncMeter } from '../observability/sync-meter.ts';
import { ManifestCache } from './cache/cache.ts';
import { DEFAULT_MAX_STALE_MS } from './cache/freshness.ts';
import { byConnectorId, type ConnectorDefinition } from './connector.ts';
import { ConnectorEntry, type ServedManifest } from './entry/connector-entry.ts';
import { createListPolicy, type ListPolicy } from './list-policy.ts';
import type { ConnectorProxyManagerOptions, FoundConnector } from './manager-options.ts';
import { FETCH_BACKSTOP_MS } from './manifest-fetch.ts';
import { sameManifest, type CachedManifest } from './cache/manifest-store.ts';
import {
  closeDrained,
  createRetirement,
  type Replacement,
  type Retirement,
} from './entry/retirement.ts';
import { passReport, unexpectedOutcome } from './pass-report.ts';
import { createSyncLimit, type SyncLimit } from './sync-limit.ts';
import { RefreshScheduler } from './refresh/refresh-scheduler.ts';
import type { RefreshResult } from './refresh/refresh-scheduler-due.ts';
import type { ConnectorStatus, SyncOutcome, SyncReport } from './sync-report.ts';
import { tracedPass, tracedSync } from './entry/traced-sync.ts';

export type { ConnectorProxyManagerOptions } from './manager-options.ts';

/** A sync that has taken this long waits for its server: it gives its place to the next. */
const PATIENCE_MS = 1_000;
/** How long calls under way may go on once their connector was replaced or removed. */
const DRAIN_MS = 10_000;

/**
 * Keeps what should be connected and what is connected the same (S4-09, S4-13): one bounded, isolated pass over all
 * connectors at a time, then refreshes in the background. Nothing happens before `start` or the first `sync`.
 */
export class ConnectorProxyManager {
  readonly #options: ConnectorProxyManagerOptions;
  readonly #limit: SyncLimit;
  readonly #entries = new Map<string, ConnectorEntry>();
  readonly #listeners = new Set<() => void>();
  readonly #cache: ManifestCache<CachedManifest>;
  readonly #scheduler: RefreshScheduler | undefined;
  readonly #listPolicy: ListPolicy;
  readonly #retirement: Retirement;
  #pass: Promise<SyncReport> | undefined;
  #closed = false;

  constructor(options: ConnectorProxyManagerOptions) {
    this.#options = options;
    const { random } = options;
    const store = options.manifestCache === false ? undefined : options.store;
    const { syncConcurrency: concurrency = 128 } = options;
    // One after the other means that one that hangs holds up the rest.
    this.#limit = createSyncLimit({
      concurrency,
      patienceMs: concurrency > 1 ? PATIENCE_MS : undefined,
    });
    this.#cache = new ManifestCache<CachedManifest>({
      random,
      store,
      equals: sameManifest,
      // The promise is 24 h of outage: an interval may have passed before it, and a retry is due up to one after it.
      maxStaleMs: DEFAULT_MAX_STALE_MS + 3 * (options.refreshIntervalMs ?? 300_000),
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
    this.#listPolicy = createListPolicy(options, {
      waitMs: options.firstListWaitMs ?? 1_500,
      onChange: (listener) => this.onChange(listener),
      sync: async (entry, force) => await this.#limit(async () => await entry.sync(force)),
      noteDemand: (id) => this.#scheduler?.noteDemand(id),
    });
    this.#retirement = createRetirement(options.drainMs ?? DRAIN_MS);
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
    const run = async (): Promise<SyncReport> => await this.#runPass(force);
    this.#pass ??= tracedPass(this.#options.traced, run).finally(() => {
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

  /** True while a pass, or a refresh, is under way; one that waits for a server that hangs does not count. */
  get syncing(): boolean {
    return this.#limit.underWay > 0;
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
   * something is known of every connector in question, and no later than `firstListWaitMs` after they were added
   * (with a rollback flag that asks the servers for each list: after the list came in).
   */
  listWanted(connectorId: string | undefined): Promise<void> | undefined {
    if (this.#closed) return undefined;
    return this.#listPolicy(this.#select(connectorId));
  }

  /** True when nothing is left to wait for: every connector is served, or has failed at least once. */
  complete(connectorId: string | undefined): boolean {
    return this.#select(connectorId).every((entry) => entry.settled);
  }

  /** Undefined when there is no such connector; `trouble` when nothing of it can be served now. */
  find(connectorId: string): FoundConnector | undefined {
    const entry = this.#entries.get(connectorId);
    const nextAttemptMs = this.#scheduler?.dueInMs(connectorId);
    return entry && { trouble: entry.trouble(), nextAttemptMs };
  }

  /**
   * Makes `connectors` the desired set: new ones are added, changed ones replaced, missing ones removed, then the
   * added and replaced ones are synced. The rest is not touched.
   */
  async apply(connectors: readonly ConnectorDefinition[]): Promise<SyncReport> {
    const startedAt = performance.now();
    const { added, removed, closing } = this.#replace(connectors, startedAt);
    const synced = await Promise.all(added.map(async (id) => await this.syncOne(id)));
    await Promise.allSettled(closing);
    const gone = removed.map((id): SyncOutcome => ({ kind: 'removed', id }));
    const outcomes = [...gone, ...synced.filter((outcome) => outcome !== undefined)];
    return passReport(startedAt, outcomes);
  }

  /** Makes `connectors` the desired set without syncing anything: for use before `restore`. */
  adopt(connectors: readonly ConnectorDefinition[]): void {
    this.#replace(connectors, this.#options.startedAtMs ?? performance.now());
  }

  /** Refreshes nothing by itself any more; what is asked for is still answered. */
  async pause(): Promise<void> {
    await this.#scheduler?.stop();
  }

  /** Ends what others wait to start (`exclusive`), once its calls have ended or after `maxMs`. */
  async releaseExclusive(maxMs: number): Promise<void> {
    const ours = this.#ordered().filter(({ definition }) => definition.exclusive === true);
    await Promise.allSettled(ours.map(async (entry) => await closeDrained(entry, maxMs)));
  }

  /** Ends every refresh and upstream, including those still connecting. Later syncs do nothing. Idempotent. */
  async disconnect(): Promise<void> {
    this.#closed = true;
    const entries = [...this.#entries.values()];
    await Promise.allSettled([
      this.#scheduler?.stop(),
      ...entries.map(async (entry) => await entry.close()),
      this.#retirement.closeAll(),
    ]);
    await this.#cache.close();
    await this.#pass;
  }

  /** What changed is gone from every list at once, and what replaces it is there, not yet synced. */
  #replace(connectors: readonly ConnectorDefinition[], addedAtMs: number): Replacement {
    const wanted = new Map(connectors.map((definition) => [definition.id, definition]));
    const closing: Promise<void>[] = [];
    const removed: string[] = [];
    for (const [id, entry] of this.#entries) {
      if (isDeepStrictEqual(wanted.get(id), entry.definition)) continue;
      this.#entries.delete(id);
      this.#scheduler?.remove(id);
      this.#cache.delete(id);
      closing.push(this.#retirement.retire(entry));
      if (!wanted.has(id)) removed.push(id);
    }
    const added = connectors.filter(({ id }) => !this.#entries.has(id));
    for (const definition of added) this.#add(definition, addedAtMs);
    if (added.length > 0 || closing.length > 0) this.#changed();
    return { removed, closing, added: added.map(({ id }) => id) };
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
    return [...this.#entries.values()].toSorted(byConnectorId);
  }

  #add(definition: ConnectorDefinition, addedAtMs: number): void {
    const { random, instruments } = this.#options;
    const measured = instruments?.connector(definition.id);
    const entry = new ConnectorEntry(definition, {
      addedAtMs,
      random,
      cache: this.#cache,
      createUpstream: this.#options.createUpstream,
      changed: () => this.#changed(),
      outdated: (id) => this.outdated(id),
      // One after the other is as it was before: nothing is asked for early.
      checker: this.#options.syncConcurrency === 1 ? undefined : this.#scheduler,
      told: (...what) => this.#options.onTold?.(...what),
      meter: createSyncMeter(measured),
      retried: () => measured?.syncRetried(),
      traced: tracedSync(definition.id, this.#options.traced),
    });
    this.#entries.set(definition.id, entry);
    if (entry.usable) this.#scheduler?.add(definition.id);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }

  /** What a connector offers has changed, as a server or a call of it showed: it is asked again soon. */
  outdated(connectorId: string): void {
    if (this.#closed || !this.#entries.has(connectorId)) return;
    this.#cache.invalidate(connectorId);
    this.#scheduler?.notifyChanged(connectorId);
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
      result.status === 'fulfilled'
        ? result.value
        : unexpectedOutcome(due[index]?.definition.id, result.reason),
    );
    return passReport(startedAt, outcomes);
  }
}
