import { createSyncMeter } from '../observability/sync-meter.ts';
import { ManifestCache } from './cache/cache.ts';
import { DEFAULT_MAX_STALE_MS } from './cache/freshness.ts';
import { byConnectorId, type ConnectorDefinition } from './connector.ts';
import { ConnectorEntry, type ServedManifest } from './entry/connector-entry.ts';
import { createListPolicy, type ListPolicy } from './list-policy.ts';
import type { ConnectorProxyManagerOptions, FoundConnector } from './manager-options.ts';
import { FETCH_BACKSTOP_MS } from './manifest-fetch.ts';
import { renewedManifest, sameManifest, type CachedManifest } from './cache/manifest-store.ts';
import { replaceEntries, type Replacement } from './entry/replace-entries.ts';
import { closeDrained, createRetirement, type Retirement } from './entry/retirement.ts';
import { passReport, refreshResult, wasLeftOut } from './pass-report.ts';
import { createSyncLimit, type SyncLimit } from './sync-limit.ts';
import { createSyncPasses, type SyncPasses } from './sync-passes.ts';
import { RefreshScheduler } from './refresh/refresh-scheduler.ts';
import type { RefreshResult } from './refresh/refresh-scheduler-due.ts';
import type { ConnectorStatus, SyncOutcome, SyncReport } from './sync-report.ts';
import { tracedSync } from './entry/traced-sync.ts';

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
  readonly #passes: SyncPasses;
  #lastAddedAtMs = -Infinity;
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
      renewed: renewedManifest,
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
        onRefresh: async (id, _signal, asked) => await this.#refresh(id, asked),
        onError: (id, error) => options.onError?.(`the refresh of ${id} failed`, error),
      });
    }
    this.#listPolicy = createListPolicy(options, {
      waitMs: options.firstListWaitMs ?? 1_500,
      entries: this.#entries,
      lastAddedAtMs: () => this.#lastAddedAtMs,
      onChange: (listener) => this.onChange(listener),
      sync: async (entry, force) => await this.#sync(entry, force),
      noteDemand: (id) => this.#scheduler?.noteDemand(id),
    });
    this.#passes = createSyncPasses({
      entries: () => (this.#closed ? [] : this.#ordered()),
      sync: async (entry, force) => await this.#sync(entry, force),
      traced: options.traced,
    });
    this.#retirement = createRetirement(options.drainMs ?? DRAIN_MS);
    const { startedAtMs = performance.now() } = options;
    for (const definition of options.connectors) this.#add(definition, startedAtMs);
  }

  /**
   * Takes over the manifests an earlier run kept: they are served as stale until the first sync. Those of connectors that are
   * not there stay until they are too old to be served: a map that cannot be read now may name them again.
   */
  async restore(): Promise<void> {
    await this.#cache.restore();
    for (const [id, { source }] of this.#entries) {
      const reading = this.#cache.get(id);
      const known = reading.kind === 'fresh' || reading.kind === 'stale';
      if (known && reading.value.source !== source) this.#cache.delete(id);
    }
    this.#changed();
  }

  /** Begins the first pass, and refreshing by itself unless that is switched off. Does not wait. */
  start(): void {
    this.#scheduler?.start();
    if (this.#scheduler === undefined) void this.sync(true);
  }

  /**
   * One pass over all connectors; a pass under way is joined. A connector that fails is an outcome, never an error, and one
   * that is still fresh is `unchanged`, after 0 attempts.
   * @param force also asks connectors whose manifest is still fresh, or that failed a moment ago: once a pass under way that
   * leaves them out is over. Default false.
   */
  async sync(force: boolean = false): Promise<SyncReport> {
    return await this.#passes.run(force);
  }

  /** Syncs one connector now, whatever was before, within the same bound as a pass. Undefined when there is no such connector. */
  async syncOne(connectorId: string): Promise<SyncOutcome | undefined> {
    const entry = this.#entries.get(connectorId);
    if (entry === undefined || this.#closed) return undefined;
    return await this.#sync(entry, true);
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
    return this.#listPolicy(connectorId);
  }

  /** True when nothing is left to wait for: every connector is served, or has failed at least once. */
  complete(connectorId: string | undefined): boolean {
    if (connectorId !== undefined) return this.#entries.get(connectorId)?.settled ?? true;
    for (const entry of this.#entries.values()) if (!entry.settled) return false;
    return true;
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
    await this.#passes.idle();
  }

  #replace(connectors: readonly ConnectorDefinition[], addedAtMs: number): Replacement {
    const parts = {
      entries: this.#entries,
      cache: this.#cache,
      scheduler: this.#scheduler,
      retirement: this.#retirement,
      add: (definition: ConnectorDefinition) => this.#add(definition, addedAtMs),
    };
    const replacement = replaceEntries(connectors, parts);
    if (replacement.changed) this.#changed();
    return replacement;
  }

  #required(id: string): ConnectorEntry {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new RangeError(`no connector is called ${id}`);
    return entry;
  }

  async #sync(entry: ConnectorEntry, force: boolean): Promise<SyncOutcome> {
    const prepare = (): Promise<void> | undefined => this.#options.prepare?.(entry.definition);
    return await this.#limit(async () => await entry.sync(force), prepare);
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
      traced: tracedSync(definition.id, this.#options.traced, (outcome) =>
        this.#ended(entry, outcome),
      ),
    });
    this.#entries.set(definition.id, entry);
    this.#lastAddedAtMs = Math.max(this.#lastAddedAtMs, addedAtMs);
    if (entry.usable) this.#scheduler?.add(definition.id);
  }

  #ended(entry: ConnectorEntry, outcome: SyncOutcome): void {
    const isWanted = !this.#closed && this.#entries.get(outcome.id) === entry;
    if (!isWanted) return;
    if (!wasLeftOut(outcome)) this.#scheduler?.note(outcome.id, refreshResult(outcome, entry));
    this.#options.onOutcome?.(outcome, entry.state());
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

  /** What the scheduler calls. @param force even while an earlier failure says to wait. */
  async #refresh(id: string, force: boolean): Promise<RefreshResult> {
    const entry = this.#entries.get(id);
    if (entry === undefined || this.#closed) return { kind: 'ok', ttlMs: undefined };
    return refreshResult(await this.#sync(entry, force), entry);
  }
}
