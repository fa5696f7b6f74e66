import { backoffDelayMs } from '../refresh/backoff.ts';
import type { MapState, MapStatus } from './map-status.ts';
import { withRemedy } from '../../protocol/error-remedies.ts';
import { ServiceMapError } from './service-map-error.ts';
import type { LoadedServiceMap } from './service-map.ts';

export interface MapFollowerOptions {
  /** How the source may be shown. */
  readonly source: string;
  /** @throws ServiceMapError */
  readonly fetch: (signal: AbortSignal) => Promise<LoadedServiceMap>;
  /** The last good map of an earlier run. @throws ServiceMapError */
  readonly restore: () => Promise<LoadedServiceMap | undefined>;
  /** The map in force has changed; undefined: there is none any more. Waited for by `refresh` and `stop`. */
  readonly onMap: (map: LoadedServiceMap | undefined) => Promise<void>;
  /** Uniform in [0, 1); spreads refreshes and retries. */
  readonly random: () => number;
  /** Told of every map that was not taken, and of an `onMap` that failed. */
  readonly onError: (error: unknown) => void;
  /** False: no timer; the map is fetched when it is wanted and due (`MCP_CONNECTOR_REFRESH_SYNC`). Default true. */
  readonly background?: boolean;
}

/** No retry waits longer (contract.md, refresh), and none longer than the map's own TTL. */
const RETRY_CAP_MS = 300_000;
/** With no map at all there is nothing to serve: ask more often. */
const EMPTY_RETRY_CAP_MS = 30_000;
/** The longest delay of a Node timer. */
const MAX_TIMER_MS = 2 ** 31 - 1;

interface HeldMap {
  readonly map: LoadedServiceMap;
  /** What it was granted when it came. */
  readonly freshForMs: number;
}

/**
 * Keeps one service map up to date (S4-07, B7.9): the last good map of an earlier run first, then refreshes by the
 * map's own TTL, at `ttl × U[0.75, 0.90]`. A map that is refused leaves the one in force, until that may not be used
 * any more. One timer, which does not keep the process alive; at most one fetch. Nothing happens before `start`.
 */
export class MapFollower {
  readonly #options: MapFollowerOptions;
  #held: HeldMap | undefined;
  #expired = false;
  #failures = 0;
  #lastError: MapStatus['lastError'];
  /** On the clock of `performance.now()`. */
  #nextFetchAtMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #fetching: Promise<void> | undefined;
  #telling: Promise<void> = Promise.resolve();
  readonly #abort = new AbortController();
  #attempted = false;

  constructor(options: MapFollowerOptions) {
    this.#options = options;
  }

  /** The map in force; undefined when there is none or it may not be used any more. */
  get map(): LoadedServiceMap | undefined {
    return this.#state() === 'expired' ? undefined : this.#held?.map;
  }

  /** False until a first fetch has ended or a map of an earlier run was taken over. */
  get settled(): boolean {
    return this.#attempted || this.map !== undefined;
  }

  /** The fetch under way. Never rejects. */
  get fetching(): Promise<void> | undefined {
    return this.#fetching;
  }

  /** Takes over what an earlier run kept. Tells nobody; look at `map`. Never rejects. */
  async restore(): Promise<void> {
    try {
      const map = await this.#options.restore();
      if (map !== undefined && this.#held === undefined) this.#hold(map);
    } catch (error) {
      this.#note(error);
    }
  }

  /** Begins the first fetch at once, and refreshing. Does not wait. */
  start(): void {
    void this.refresh();
  }

  /** Fetches now, or joins the fetch under way; resolves when its outcome is in force. Never rejects. */
  async refresh(): Promise<void> {
    if (this.#abort.signal.aborted) return;
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = undefined;
      this.#arm();
    });
    await this.#fetching;
    await this.#telling;
  }

  /**
   * Somebody wants what the map says. Undefined when there is nothing to wait for; else the first fetch, or, without
   * background, the one that is due. Never rejects.
   */
  wanted(): Promise<void> | undefined {
    if (this.#options.background !== false || !this.#attempted) {
      return this.settled ? undefined : this.#fetching;
    }
    if (this.#fetching !== undefined || this.#abort.signal.aborted) return this.#fetching;
    const ended = this.#noteEnd();
    const due = this.#nextFetchAtMs === undefined || performance.now() >= this.#nextFetchAtMs;
    if (due) return this.refresh();
    return ended ? this.#telling : undefined;
  }

  /** Ends refreshing and waits for what is under way. Idempotent. */
  async stop(): Promise<void> {
    this.#abort.abort();
    clearTimeout(this.#timer);
    await this.#fetching;
    clearTimeout(this.#timer);
    await this.#telling;
  }

  status(): MapStatus {
    const now = performance.now();
    const map = this.#held?.map;
    const generatedAt = map?.payload.generatedAt;
    const key = map?.signedBy;
    return {
      source: this.#options.source,
      state: this.#state(),
      generatedAt,
      ageMs:
        generatedAt === undefined ? undefined : Math.max(0, Date.now() - Date.parse(generatedAt)),
      usableForMs: map && Math.max(0, Math.round(map.usableUntilMs - now)),
      signedBy: key && { alg: key.alg, kid: key.kid },
      connectors: map === undefined ? 0 : map.payload.connectors.length + map.invalidEntries.length,
      lastError: this.#lastError,
      failuresInARow: this.#failures,
      nextFetchInMs:
        this.#nextFetchAtMs === undefined
          ? undefined
          : Math.max(0, Math.round(this.#nextFetchAtMs - now)),
      warnings: (map?.warnings ?? []).map(({ message }) => message),
    };
  }

  #state(): MapState {
    if (this.#held === undefined) return 'none';
    const now = performance.now();
    const { expiresAtMs, usableUntilMs } = this.#held.map;
    if (now >= usableUntilMs) return 'expired';
    return now < expiresAtMs ? 'fresh' : 'stale';
  }

  #hold(map: LoadedServiceMap): void {
    this.#held = { map, freshForMs: Math.max(0, map.expiresAtMs - performance.now()) };
    this.#expired = false;
  }

  async #fetch(): Promise<void> {
    clearTimeout(this.#timer);
    this.#nextFetchAtMs = undefined;
    // A map whose end comes while the fetch hangs must not outlive it.
    this.#arm();
    try {
      this.#accept(await this.#options.fetch(this.#abort.signal));
    } catch (error) {
      if (!this.#abort.signal.aborted) this.#refused(error);
    }
    this.#attempted = true;
  }

  #accept(map: LoadedServiceMap): void {
    const changed = this.#expired || this.#held?.map.digest !== map.digest;
    this.#hold(map);
    this.#failures = 0;
    this.#lastError = undefined;
    const { random } = this.#options;
    const freshForMs = this.#held?.freshForMs ?? 0;
    this.#nextFetchAtMs =
      performance.now() + Math.max(1_000, freshForMs * (0.75 + 0.15 * random()));
    if (changed) this.#tell(map);
  }

  #refused(error: unknown): void {
    this.#failures += 1;
    this.#note(error);
    const retryAfterMs = error instanceof ServiceMapError ? error.retryAfterMs : undefined;
    const held = this.map === undefined ? undefined : this.#held;
    const ttlMs = held === undefined ? EMPTY_RETRY_CAP_MS : held.map.payload.ttlSeconds * 1_000;
    const delayMs = backoffDelayMs(this.#failures, {
      random: this.#options.random,
      retryAfterMs,
      capMs: Math.min(RETRY_CAP_MS, ttlMs),
    });
    this.#nextFetchAtMs = performance.now() + delayMs;
  }

  #note(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    const code = error instanceof ServiceMapError ? error.code : 'MAP_FAILED';
    this.#lastError = withRemedy({ code, message });
    this.#options.onError(error);
  }

  /** Not one after the other: connectors of one map that hang must not hold up the next. */
  #tell(map: LoadedServiceMap | undefined): void {
    const tell = async (): Promise<void> => {
      try {
        await this.#options.onMap(map);
      } catch (error) {
        this.#options.onError(error);
      }
    };
    this.#telling = Promise.all([this.#telling, tell()]).then(() => undefined);
  }

  #arm(): void {
    clearTimeout(this.#timer);
    if (this.#abort.signal.aborted || this.#options.background === false) return;
    const endsAtMs = this.#expired ? undefined : this.#held?.map.usableUntilMs;
    const atMs = Math.min(this.#nextFetchAtMs ?? Infinity, endsAtMs ?? Infinity);
    if (atMs === Infinity) return;
    // A timer may fire a fraction of a millisecond before its time.
    const delayMs = Math.max(0, Math.ceil(atMs - performance.now()));
    this.#timer = setTimeout(() => this.#due(), Math.min(delayMs, MAX_TIMER_MS));
    this.#timer.unref();
  }

  /** The end of a map is told once. @returns whether it was now. */
  #noteEnd(): boolean {
    if (this.#state() !== 'expired' || this.#expired) return false;
    this.#expired = true;
    this.#tell(undefined);
    return true;
  }

  #due(): void {
    this.#noteEnd();
    const fetchDue = this.#nextFetchAtMs !== undefined && performance.now() >= this.#nextFetchAtMs;
    if (fetchDue) void this.refresh();
    else this.#arm();
  }
}
