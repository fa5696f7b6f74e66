import type { UpstreamEvents } from '../../upstream/upstream.ts';
import { withRemedy } from '../../protocol/error-remedies.ts';
import { UpstreamError } from '../../upstream/upstream-error.ts';
import type { FetchedValue, RefreshOutcome } from '../cache/cache-slot.ts';
import { NOWHERE, SWITCHED_OFF } from '../connector.ts';
import type { ConnectorDefinition, ConnectorFailure } from '../connector.ts';
import { createConnectorAccess, type ConnectorAccess } from './connector-access.ts';
import { fetchConnectorManifest } from '../manifest-fetch.ts';
import type { ConnectorEntryWiring } from './connector-entry-wiring.ts';
import { isUnreachable } from './fetch-retry.ts';
import { ListCheck } from './list-check.ts';
import { manifestSource, type CachedManifest } from '../cache/manifest-store.ts';
import type { ServedManifest } from './served-manifest.ts';
import { activityOf, type RememberedEra, type SyncedUpstream } from './synced-upstream.ts';
import {
  offeredBy,
  type ConnectorState,
  type ConnectorStatus,
  type SyncOutcome,
} from '../sync-report.ts';

export type { ServedManifest } from './served-manifest.ts';
export type { RememberedEra, SyncedUpstream, CreateUpstream } from './synced-upstream.ts';

/** One connector: its definition, its upstream, and how the last attempt to sync it went. */
export class ConnectorEntry {
  readonly definition: ConnectorDefinition;
  /** The ways of callers to its upstreams. */
  readonly access: ConnectorAccess | undefined;
  readonly source: string;
  readonly #upstream: SyncedUpstream | undefined;
  readonly #wiring: ConnectorEntryWiring;
  readonly #check: ListCheck;
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
    this.definition = definition;
    this.source = manifestSource(definition);
    this.#wiring = wiring;
    this.#check = new ListCheck(definition.id, wiring.checker);
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
    const era = (): RememberedEra | undefined => this.#rememberedEra();
    const shared = wiring.createUpstream(definition, events, era);
    this.#upstream = shared;
    this.access = createConnectorAccess(definition, {
      shared,
      create: (client, heard) => wiring.createUpstream(definition, heard, era, client),
      told: (...what) => wiring.told(definition.id, ...what),
      random: wiring.random,
    });
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
      mayRetry: !this.#lastSyncFailed,
      signal,
      closing: this.#closing.signal,
      asked: () => {
        this.#attempts += 1;
      },
      retrying: (error) => this.#retrying(error),
    });
    const ttlMs = Math.min(manifest.hint.ttlMs, this.definition.maxTtlMs ?? Infinity);
    return { value: { manifest, source: this.source }, pageTtlMs: [ttlMs] };
  }

  /** The manifest, while it is fresh or stale-usable. */
  served(): ServedManifest | undefined {
    const reading = this.#wiring.cache.get(this.definition.id);
    const usable = reading.kind === 'fresh' || reading.kind === 'stale';
    if (!usable || this.access === undefined || reading.value.source !== this.source) {
      return undefined;
    }
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

  state(): ConnectorState {
    if (!this.definition.enabled) return 'disabled';
    const { kind } = this.#wiring.cache.get(this.definition.id);
    const held = this.served() !== undefined && (kind === 'fresh' || kind === 'stale');
    return held ? kind : 'unavailable';
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

  /** Only the era: what a server can do is asked again after a restart. */
  #rememberedEra(): RememberedEra | undefined {
    const served = this.served();
    if (served === undefined) return undefined;
    const storedAtMs = Date.now() - (performance.now() - served.receivedAtMs);
    return { era: served.manifest.info.era, storedAtMs };
  }

  /** What went wrong last, else what an attempt under way waits for: status can name it before its deadline. */
  #currentFailure(): ConnectorFailure | undefined {
    if (this.#failure !== undefined) return withRemedy(this.#failure);
    if (this.#attempt === undefined || this.served() !== undefined) return undefined;
    const phase = this.#upstream?.phase ?? 'connect';
    const waitedMs = Math.round(performance.now() - this.#attemptedAtMs);
    const message = `no answer yet in phase ${phase} after ${waitedMs} ms`;
    return withRemedy({ phase, code: 'PENDING', message });
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
    const { info, lists, warnings } = outcome.value.manifest;
    return {
      kind,
      id: this.definition.id,
      durationMs,
      attempts: this.#attempts,
      era: info.era,
      tools: lists.tools.length,
      prompts: lists.prompts.length,
      resources: lists.resources.length,
      warnings,
    };
  }

  #retrying(error: UpstreamError): void {
    this.#settled ||= isUnreachable(error);
    this.#wiring.retried();
    this.#noteFailure(error);
  }

  #noteFailure(error: unknown): void {
    this.#failure =
      error instanceof UpstreamError
        ? { phase: error.phase, code: error.code, message: error.message }
        : { phase: this.#upstream?.phase ?? 'connect', code: 'INTERNAL', message: String(error) };
    this.#wiring.changed();
  }

  #failed(retryInMs: number | undefined): SyncOutcome {
    const { phase, code, message } = this.#failure ?? NOWHERE;
    return withRemedy({
      kind: 'failed',
      id: this.definition.id,
      durationMs: performance.now() - this.#attemptedAtMs,
      attempts: this.#attempts,
      phase,
      code,
      message,
      nextAttemptMs: retryInMs === Infinity ? undefined : retryInMs,
    });
  }
}
