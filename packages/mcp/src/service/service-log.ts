import type { ConnectorDefinition } from '../connectors/connector.ts';
import type { ConnectorStatus } from '../connectors/sync-report.ts';
import type { DrainOptions } from './drain.ts';
import { createEventLog, createTell, type EventLog, type Tell } from './event-log.ts';
import type { ServiceOptions } from './service-options.ts';
import { SOLE_OWNER, type StateOwner } from './state-owner.ts';

/** How often a service that is not ready is looked at. */
const READY_LOOK_MS = 50;

/** What the log tells of a service from its start to its end, and of its connectors. */
export interface ServiceLog {
  readonly events: EventLog;
  /** It listens. */
  started(about: StartedService): void;
  /** What should be connected from now on. Before the start that is no news. */
  wanted(definitions: readonly ConnectorDefinition[]): void;
  draining(options: DrainOptions): void;
  /** Another process may write the state folder. */
  released(): void;
  /** Everything is closed. */
  stopped(): void;
}

interface StartedService {
  readonly url: string;
  readonly definitions: readonly ConnectorDefinition[];
  readonly known: readonly ConnectorStatus[];
  /** Whether `/readyz` says so. */
  readonly ready: () => boolean;
}

type Options = Pick<ServiceOptions, 'logger' | 'version' | 'quietEvents'>;

class LifeLog implements ServiceLog {
  readonly events: EventLog;
  readonly #tell: Tell;
  readonly #version: string;
  readonly #owner: StateOwner;
  #owned = false;
  #looking: NodeJS.Timeout | undefined;
  #startedAtMs: number | undefined;

  constructor({ logger, version, quietEvents }: Options, owner: StateOwner) {
    this.#tell = createTell(logger, quietEvents);
    this.events = createEventLog(this.#tell);
    this.#version = version;
    this.#owner = owner;
  }

  started({ url, definitions, known, ready }: StartedService): void {
    this.#startedAtMs = performance.now();
    const kept = known.filter(({ state }) => state === 'stale').length;
    const about = { version: this.#version, url, connectors: definitions.length, kept };
    this.#tell('info', { event: 'service.started', ...about }, 'the service listens');
    this.#tellOwner();
    this.events.begin(definitions, known);
    // Several parts say together whether it is ready, and none of them tells when.
    this.#looking = setInterval(() => this.#look(ready), READY_LOOK_MS);
    this.#looking.unref();
  }

  wanted(definitions: readonly ConnectorDefinition[]): void {
    if (this.#startedAtMs !== undefined) this.events.wanted(definitions);
  }

  draining({ lameDuckMs, maxMs }: DrainOptions): void {
    clearInterval(this.#looking);
    const about = { event: 'service.draining', lameDuckMs, maxMs };
    this.#tell('info', about, 'the service is going');
  }

  released(): void {
    if (!this.#owned) return;
    this.#owned = false;
    this.#tell('info', { event: 'state.released' }, 'the state folder is left to others');
  }

  stopped(): void {
    clearInterval(this.#looking);
    this.released();
    if (this.#startedAtMs === undefined) return;
    const upMs = Math.round(performance.now() - this.#startedAtMs);
    this.#tell('info', { event: 'service.stopped', upMs }, 'the service has ended');
  }

  #tellOwner(): void {
    const owner = this.#owner;
    if (owner === SOLE_OWNER) return;
    if (!owner.owns) {
      const message = 'another process writes the state folder; this one follows when that ends';
      this.#tell('info', { event: 'state.waiting' }, message);
    }
    owner.onOwned(() => {
      this.#owned = true;
      this.#tell('info', { event: 'state.owned' }, 'this process writes the state folder');
    });
  }

  #look(ready: () => boolean): void {
    if (!ready()) return;
    clearInterval(this.#looking);
    const afterMs = Math.round(performance.now() - (this.#startedAtMs ?? 0));
    const message = 'something is known of every connector';
    this.#tell('info', { event: 'service.ready', afterMs }, message);
  }
}

/** Nothing is told of a service that never listened, as it is of commands that end. */
export function createServiceLog(options: Options, owner: StateOwner): ServiceLog {
  return new LifeLog(options, owner);
}
