import type { RawMember } from '../../protocol/message.ts';
import type { GuardableUpstream } from '../guarded-upstream.ts';
import type {
  ConnectNext,
  ForwardHandle,
  ForwardRequest,
  ForwardSink,
  Interest,
  RequestOptions,
  ReplicaStatus,
  UpstreamEvents,
  UpstreamInfo,
} from '../upstream.ts';
import type { ConnectorPhase } from '../upstream-error.ts';
import { createBalance, type Balance, type Choose } from './balance.ts';
import { firstOf } from './first-of.ts';
import { isUnwell } from './health.ts';
import { placeFor } from './rendezvous.ts';
import { ReplicaCall } from './replica-call.ts';
import { Primary } from './primary.ts';
import { Replica } from './replica.ts';
import { mayMakeTask, TaskMakers } from './task-makers.ts';

/** One server of a set. */
export interface ReplicaPlace {
  /** Tells it from the others: its address, or its number. Never shown: an address may hold a secret. */
  readonly key: string;
  /** As status shows it. */
  readonly name: string;
  /** Its share of the calls, above 0. */
  readonly weight: number;
  readonly create: (events: UpstreamEvents) => GuardableUpstream;
}

export interface ReplicaSetOptions {
  readonly connectorId: string;
  /** At least one. */
  readonly places: readonly ReplicaPlace[];
  readonly balance: Balance;
  /**
   * `session`: calls of one legacy session go to the same server while it is well. `sole`: all calls go to one server
   * until it fails, because one client has the set for itself. `none`: any server may answer any call.
   */
  readonly affinity: 'session' | 'sole' | 'none';
  /** Servers beyond the first are started only when all that run have a call under way. */
  readonly startsOnDemand: boolean;
  readonly events: UpstreamEvents;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** How long one that was out may take to show that it is well. */
const PROBE_TIMEOUT_MS = 5_000;
/** What one server is waited for before the next is asked as well. */
const HEDGE_MS = 1_000;

class ReplicaSet implements GuardableUpstream {
  readonly connectorId: string;
  readonly #options: ReplicaSetOptions;
  readonly #replicas: readonly Replica[];
  readonly #choose: Choose<Replica>;
  readonly #probes = new Set<Replica>();
  readonly #closing = new AbortController();
  #starting: Replica | undefined;
  readonly #makers = new TaskMakers<Replica>();
  readonly #primary: Primary;

  constructor(options: ReplicaSetOptions) {
    this.connectorId = options.connectorId;
    this.#options = options;
    this.#choose = createBalance(options.balance);
    const made = options.places.map((place) => this.#make(place));
    const [first] = made;
    if (first === undefined) throw new RangeError('a set of replicas needs at least one');
    this.#replicas = made;
    this.#primary = new Primary({
      ...options,
      replicas: made,
      first,
      makers: this.#makers,
      // A process that ends says so by itself, and must not be kept awake.
      watched: !options.startsOnDemand,
      timeoutMs: PROBE_TIMEOUT_MS,
    });
  }

  get info(): UpstreamInfo | undefined {
    return this.#primary.current.upstream.info;
  }

  get phase(): ConnectorPhase {
    return this.#primary.current.upstream.phase;
  }

  get asleep(): boolean {
    return this.#replicas.every(({ upstream }) => upstream.asleep === true);
  }

  get pids(): readonly number[] {
    return this.#replicas.flatMap(({ upstream }) => upstream.pids ?? []);
  }

  get replicas(): readonly ReplicaStatus[] {
    const nowMs = performance.now();
    return this.#replicas.map((one) => ({
      name: one.name,
      state: one.health.state,
      inFlight: one.inFlight,
      latencyMs: Math.round(one.latencyAt(nowMs)),
      running: one.isRunning,
    }));
  }

  async connect(signal: AbortSignal, next?: ConnectNext): Promise<UpstreamInfo> {
    const { won, value } = await firstOf(this.#order(), {
      // A process may take long to start; a second one would only slow it down.
      hedgeMs: this.#options.startsOnDemand ? Number.POSITIVE_INFINITY : HEDGE_MS,
      signal,
      run: async (replica, ended) => await replica.upstream.connect(ended, next),
      failed: (replica, error) => this.#failed(replica, error),
    });
    this.#primary.prefer(won);
    return value;
  }

  async request(
    method: string,
    params: readonly RawMember[],
    options: RequestOptions,
  ): Promise<string> {
    const { won, value } = await firstOf(this.#order(), {
      // Pages and lists of one pass are best had from one server.
      hedgeMs: Number.POSITIVE_INFINITY,
      signal: options.signal,
      run: async (replica, signal) =>
        await replica.upstream.request(method, params, { ...options, signal }),
      failed: (replica, error) => this.#failed(replica, error),
    });
    won.health.succeeded();
    this.#primary.prefer(won);
    return value;
  }

  forward(request: ForwardRequest, sink: ForwardSink): ForwardHandle {
    const call = new ReplicaCall({
      request,
      sink,
      next: (tried) => this.#pick(request, tried),
      failed: (replica) => this.#unwell(replica),
      makers: mayMakeTask(request) ? this.#makers : undefined,
    });
    call.start(this.#pick(request, undefined) ?? this.#primary.current);
    if (this.#options.startsOnDemand) this.#startMore();
    return call;
  }

  async setInterest(interest: Interest): Promise<void> {
    await this.#primary.setInterest(interest);
  }

  notify(text: string): void {
    for (const { upstream } of this.#replicas) upstream.notify?.(text);
  }

  passEnded(): void {
    for (const { upstream } of this.#replicas) upstream.passEnded?.();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#primary.close();
    await Promise.all(this.#replicas.map(async ({ upstream }) => await upstream.close()));
  }

  #make(place: ReplicaPlace): Replica {
    const { events, random } = this.#options;
    const own: UpstreamEvents = {
      notification: (method, text) => {
        // All of them tell of the same change; the lists we show are those of the first.
        const isOfLists = method.endsWith('/list_changed');
        if (!isOfLists || replica === this.#primary.current) events.notification(method, text);
      },
      closed: (error) => {
        if (replica !== this.#primary.current) return;
        events.closed(error);
        this.#primary.lost();
      },
      refused: (why) => events.refused?.(why),
    };
    const replica: Replica = new Replica(place.create(own), place, random);
    return replica;
  }

  /** The first one, then those that are well, then the others. */
  #order(): readonly Replica[] {
    const rest = this.#replicas.filter((one) => one !== this.#primary.current);
    const well = rest.filter((one) => one.health.state === 'in');
    const unwell = rest.filter((one) => one.health.state !== 'in');
    return this.#primary.current.health.state === 'in'
      ? [this.#primary.current, ...well, ...unwell]
      : [...well, this.#primary.current, ...unwell];
  }

  #pick(request: ForwardRequest, tried: ReadonlySet<Replica> | undefined): Replica | undefined {
    const maker = this.#makers.askedBy(request);
    // No other knows the task, however it is doing.
    if (maker !== undefined) return tried?.has(maker) === true ? undefined : maker;
    const open =
      tried === undefined ? this.#replicas : this.#replicas.filter((one) => !tried.has(one));
    for (const one of open) if (one.health.state === 'due') this.#probe(one);
    const well = open.filter((one) => one.health.state === 'in');
    // When nobody is well anybody may be tried: refusing all calls would be worse.
    const able = well.length > 0 ? well : open;
    return this.#keptFor(request, able) ?? this.#chosen(able);
  }

  /** Where this caller's calls go while they can. */
  #keptFor({ caller }: ForwardRequest, able: readonly Replica[]): Replica | undefined {
    const { affinity } = this.#options;
    if (affinity === 'sole')
      return able.includes(this.#primary.current) ? this.#primary.current : able[0];
    const isKept = affinity === 'session' && caller.id !== '' && this.info?.era === 'legacy';
    return isKept ? placeFor(caller.id, able) : undefined;
  }

  #chosen(able: readonly Replica[]): Replica | undefined {
    const running = this.#options.startsOnDemand ? able.filter((one) => one.isRunning) : able;
    return this.#choose(running.length > 0 ? running : able);
  }

  /** Every process that runs is busy: one more is started, for the calls to come. */
  #startMore(): void {
    if (this.#starting !== undefined || this.#closing.signal.aborted) return;
    const idle = this.#replicas.some((one) => one.isRunning && one.inFlight === 0);
    const more = this.#replicas.find((one) => !one.isRunning && one.health.state === 'in');
    if (idle || more === undefined || !this.#primary.current.isRunning) return;
    this.#starting = more;
    void more.upstream
      .connect(this.#closing.signal)
      // Its failure counts against it; the calls go to the others.
      .catch((error: unknown) => this.#failed(more, error))
      .finally(() => {
        this.#starting = undefined;
      });
  }

  /** Asks one that was out whether it is well again, so that no client's call has to find out. */
  #probe(replica: Replica): void {
    if (this.#probes.has(replica) || this.#closing.signal.aborted) return;
    this.#probes.add(replica);
    const { signal } = this.#closing;
    const asked =
      replica.upstream.info?.capabilities['tools'] === undefined
        ? replica.upstream.connect(AbortSignal.any([signal, AbortSignal.timeout(PROBE_TIMEOUT_MS)]))
        : replica.upstream.request('tools/list', [], { signal, timeoutMs: PROBE_TIMEOUT_MS });
    void asked
      .then(
        () => replica.health.succeeded(),
        // One that wants other credentials, or has no such list, is there all the same.
        (error: unknown) =>
          isUnwell(error) ? replica.health.failed() : replica.health.succeeded(),
      )
      .finally(() => this.#probes.delete(replica));
  }

  #failed(replica: Replica, error: unknown): void {
    if (isUnwell(error)) this.#unwell(replica);
  }

  #unwell(replica: Replica): void {
    replica.health.failed();
    if (replica === this.#primary.current && replica.health.state !== 'in') this.#primary.leave();
  }
}

/**
 * Several servers that stand for one connector: calls are balanced over those in health, lists come from one of them, and
 * what one cannot have received another is asked (S2-17; contract.md, `MCP_STDIO_POOL`).
 */
export function createReplicaSet(options: ReplicaSetOptions): GuardableUpstream {
  return new ReplicaSet(options);
}
