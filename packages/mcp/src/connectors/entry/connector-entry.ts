import type { UpstreamEvents } from '../../upstream/upstream.ts';
import { withRemedy } from '../../protocol/error-remedies.ts';
import { UpstreamError } from '../../upstream/upstream-error.ts';
import type { CacheReading, FetchedValue, RefreshOutcome } from '../cache/cache-slot.ts';
import { reachedAlike, SWITCHED_OFF } from '../connector.ts';
import type { ConnectorDefinition, ConnectorFailure } from '../connector.ts';
import { createConnectorAccess, type ConnectorAccess } from './connector-access.ts';
import { fetchConnectorManifest } from '../manifest-fetch.ts';
import type { ConnectorEntryWiring } from './connector-entry-wiring.ts';
import { isUnreachable } from './fetch-retry.ts';
import { ListCheck } from './list-check.ts';
import { manifestSource, type CachedManifest } from '../cache/manifest-store.ts';
import type { ServedManifest } from './served-manifest.ts';
import { failedOutcome, failureOf, pendingFailure } from './entry-failure.ts';
import { createEraNote, type EraNote } from './era-note.ts';
import { activityOf, type SyncedUpstream } from './synced-upstream.ts';
import { offerOutcome, wasLeftOut } from '../pass-report.ts';
import {
  offeredBy,
  type ConnectorState,
  type ConnectorStatus,
  type SyncOutcome,
} from '../sync-report.ts';

export type { ServedManifest } from './served-manifest.ts';
export type { SyncedUpstream, CreateUpstream } from './synced-upstream.ts';

/** One connector: its definition, its upstream, and how the last attempt to sync it went. */
export class ConnectorEntry {
  #definition: ConnectorDefinition;
  /** The ways of callers to its upstreams. */
  readonly access: ConnectorAccess | undefined;
  readonly source: string;
  readonly #upstream: SyncedUpstream | undefined;
  readonly #wiring: ConnectorEntryWiring;
  readonly #check: ListCheck;
  readonly #era: EraNote;
  /** When a list last asked for it, on the clock of `performance.now()`; whoever answers lists keeps it. */
  demandNotedAtMs: number = -Infinity;
  #failure: ConnectorFailure | undefined;
  #attempt: Promise<SyncOutcome> | undefined;
  #attemptedAtMs = -Infinity;
  /** Times the server was asked in the last sync. */
  #attempts = 0;
  #lastSyncFailed = false;
  #losses = 0;
  readonly #closing = new AbortController();
  #durationMs: number | undefined;
  #settled = false;
  #retired = false;

  constructor(definition: ConnectorDefinition, wiring: ConnectorEntryWiring) {
    this.#definition = definition;
    this.source = manifestSource(definition);
    this.#wiring = wiring;
    this.#check = new ListCheck(definition.id, wiring.checker);
    const era = createEraNote(() => this.#usable()?.value);
    this.#era = era;
    if (definition.problem !== undefined) {
      this.#failure = { phase: 'config', code: 'CONFIG_INVALID', message: definition.problem };
    }
    if (!definition.enabled || definition.problem !== undefined || !definition.transport) return;
    const events: UpstreamEvents = {
      notification: (method, text) => {
        if (method.endsWith('/list_changed')) this.#outdated();
        else wiring.told(definition.id, undefined, method, text);
      },
      closed: (error) => {
        this.#losses += 1;
        this.#noteFailure(error);
        this.#outdated();
      },
      willCheckLists: () => this.#check.expect(),
    };
    const shared = wiring.createUpstream(definition, events, era);
    this.#upstream = shared;
    this.access = createConnectorAccess(definition, {
      shared,
      create: (client, heard) => wiring.createUpstream(definition, heard, era, client),
      told: (...what) => wiring.told(definition.id, ...what),
      random: wiring.random,
    });
  }

  get definition(): ConnectorDefinition {
    return this.#definition;
  }

  /** Takes over a definition that differs in words about the connector only. @returns false when more differs. */
  describe(definition: ConnectorDefinition): boolean {
    if (!reachedAlike(definition, this.#definition)) return false;
    this.#definition = definition;
    return true;
  }

  /** True once there is nothing left to wait for before answering a first list. */
  get settled(): boolean {
    return this.#settled || this.#upstream === undefined || this.served() !== undefined;
  }

  get addedAtMs(): number {
    return this.#wiring.addedAtMs;
  }

  /** Whether it can be synced at all. */
  get usable(): boolean {
    return this.#upstream !== undefined;
  }

  /** When the last attempt began, on the clock of `performance.now()`. */
  get attemptedAtMs(): number {
    return this.#attemptedAtMs;
  }

  /**
   * Fetches the manifest through the cache; joins an attempt under way. Never rejects.
   * @param force asks even while an earlier failure says to wait.
   */
  async sync(force: boolean): Promise<SyncOutcome> {
    if (force && this.#attempt !== undefined) {
      const joined = await this.#attempt;
      if (!wasLeftOut(joined)) return joined;
    }
    const run = async (): Promise<SyncOutcome> => await this.#run(force);
    this.#attempt ??= this.#wiring.traced(run).finally(() => {
      this.#attempt = undefined;
      this.#settled = true;
      this.#upstream?.passEnded?.();
      this.#wiring.changed();
    });
    return await this.#attempt;
  }

  /** What the cache calls: connects when needed and asks for everything. */
  async fetch(signal: AbortSignal): Promise<FetchedValue<CachedManifest>> {
    const details = { connectorId: this.definition.id, phase: 'config' } as const;
    if (this.#upstream === undefined) throw new UpstreamError('CLOSED', 'not in use', details);
    this.#wiring.meter.asked();
    const manifest = await fetchConnectorManifest({
      upstream: this.#upstream,
      definition: this.definition,
      random: this.#wiring.random,
      known: this.#usable()?.value.manifest,
      mayRetry: !this.#lastSyncFailed,
      signal,
      closing: this.#closing.signal,
      asked: () => {
        this.#attempts += 1;
      },
      retrying: (error) => this.#retrying(error),
    });
    const ttlMs = Math.min(manifest.hint.ttlMs, this.definition.maxTtlMs ?? Infinity);
    const eraAtMs = this.#era.askedAtMs(manifest.info.era);
    return { value: { manifest, source: this.source, eraAtMs }, pageTtlMs: [ttlMs] };
  }

  /** The manifest, while it is fresh or stale-usable. */
  served(): ServedManifest | undefined {
    const reading = this.#usable();
    if (reading === undefined || this.access === undefined) return undefined;
    const { manifest } = reading.value;
    const ttlMs = reading.kind === 'fresh' ? reading.ageMs + reading.remainingMs : 0;
    return {
      connectorId: this.definition.id,
      manifest,
      receivedAtMs: performance.now() - reading.ageMs,
      hint: { ttlMs, cacheScope: manifest.hint.cacheScope },
      target: this.access,
    };
  }

  /** What a pass says of it that does not ask while it is fresh; undefined when it is not. */
  freshOutcome(): SyncOutcome | undefined {
    const reading = this.state() === 'fresh' ? this.#usable() : undefined;
    const how = { id: this.definition.id, durationMs: 0, attempts: 0 };
    return reading && offerOutcome('unchanged', reading.value.manifest, how);
  }

  state(): ConnectorState {
    if (!this.definition.enabled) return 'disabled';
    return this.access === undefined ? 'unavailable' : (this.#usable()?.kind ?? 'unavailable');
  }

  status(): ConnectorStatus {
    const { id, title, transport, origin, description, tags } = this.definition;
    const served = this.served();
    const info = this.#upstream?.info ?? served?.manifest.info;
    return {
      id,
      title,
      transport: transport?.kind,
      origin,
      description,
      tags,
      state: this.state(),
      ...(this.#losses > 0 && { losses: this.#losses }),
      ...activityOf(this.#upstream, this.#attempt && performance.now() - this.#attemptedAtMs),
      era: info?.era,
      protocolVersion: info?.protocolVersion,
      serverInfo: info?.serverInfo,
      ...offeredBy(served),
      durationMs: this.#durationMs,
      failure: this.#currentFailure(),
    };
  }

  /** Why nothing of this connector can be served, or undefined when something can. */
  trouble(): ConnectorFailure | undefined {
    if (this.served() !== undefined) return undefined;
    return this.definition.enabled ? this.#currentFailure() : SWITCHED_OFF;
  }

  /** Another takes its place, or none: it says nothing about its id any more. @returns whether no call is under way. */
  retire(): boolean {
    this.#retired = true;
    return (this.access?.inFlight ?? 0) === 0;
  }

  /** Resolves when its calls have ended, or after `maxMs`. */
  async drain(maxMs: number): Promise<void> {
    await this.access?.drain(maxMs);
  }

  #outdated(): void {
    if (!this.#retired) this.#wiring.outdated(this.definition.id);
  }

  /** Ends the upstream, and with it an attempt under way. */
  async close(): Promise<void> {
    this.#wiring.meter.close();
    this.#closing.abort();
    await this.access?.close();
    await this.#attempt;
  }

  /** The manifest in hand, unless it is too old or another server's. */
  #usable(): Extract<CacheReading<CachedManifest>, { kind: 'fresh' | 'stale' }> | undefined {
    const reading = this.#wiring.cache.get(this.definition.id);
    const isUsable = reading.kind === 'fresh' || reading.kind === 'stale';
    return isUsable && reading.value.source === this.source ? reading : undefined;
  }

  /** What went wrong last, else what an attempt under way waits for: status can name it before its deadline. */
  #currentFailure(): ConnectorFailure | undefined {
    if (this.#failure !== undefined) return withRemedy(this.#failure);
    if (this.#attempt === undefined || this.served() !== undefined) return undefined;
    const waitedMs = performance.now() - this.#attemptedAtMs;
    return pendingFailure(this.#upstream?.phase ?? 'connect', waitedMs);
  }

  async #run(force: boolean): Promise<SyncOutcome> {
    const { id, enabled } = this.definition;
    if (!enabled) return { kind: 'disabled', id };
    this.#attemptedAtMs = performance.now();
    this.#attempts = 0;
    if (this.#upstream === undefined) return this.#failed(undefined);
    const { cache } = this.#wiring;
    const outcome = await cache.refresh(id, { force });
    const fetched = outcome.kind === 'updated' || outcome.kind === 'unchanged';
    const lasting = fetched && outcome.value.manifest.hint.ttlMs > 0;
    // Servers that register tools right after the handshake say "changed" while they are being asked: ask once more.
    const outdated = lasting && cache.get(id).kind === 'stale';
    return this.#outcomeOf(outdated ? await cache.refresh(id, { force: true }) : outcome);
  }

  #outcomeOf(outcome: RefreshOutcome<CachedManifest>): SyncOutcome {
    if (outcome.kind === 'held') return this.#failed(outcome.retryInMs);
    this.#lastSyncFailed = outcome.kind === 'failed';
    this.#check.synced(outcome.kind);
    if (outcome.kind === 'failed') {
      this.#noteFailure(outcome.error);
      this.#wiring.meter.ended('failed', performance.now() - this.#attemptedAtMs);
      return this.#failed(outcome.retryInMs);
    }
    const kind = outcome.kind === 'unchanged' ? 'unchanged' : 'synced';
    const durationMs = performance.now() - this.#attemptedAtMs;
    this.#wiring.meter.ended(kind, durationMs);
    this.#durationMs = durationMs;
    this.#failure = undefined;
    const how = { id: this.definition.id, durationMs, attempts: this.#attempts };
    return offerOutcome(kind, outcome.value.manifest, how);
  }

  #retrying(error: UpstreamError): void {
    this.#settled ||= isUnreachable(error);
    this.#wiring.retried();
    this.#noteFailure(error);
  }

  #noteFailure(error: unknown): void {
    this.#failure = failureOf(error, this.#upstream?.phase ?? 'connect');
    this.#wiring.changed();
  }

  #failed(retryInMs: number | undefined): SyncOutcome {
    const durationMs = performance.now() - this.#attemptedAtMs;
    const how = { id: this.definition.id, durationMs, attempts: this.#attempts };
    return failedOutcome(this.#failure, how, retryInMs);
  }
}
