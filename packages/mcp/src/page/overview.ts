import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ConnectorStatus } from '../connectors/sync-report.ts';
import { connectorBeat, connectorRow } from './connector-row.ts';
import type { PageFacts } from './page-facts.ts';
import type { ProcessFigures } from './process-figures.ts';

/** The longest an overview holds the event loop at a time (contract.md, event loop). */
const TURN_MS = 4;

/** What the status page shows, as JSON. */
export interface Overview {
  /** The whole document, as things stand when it is asked for or later. */
  text(): Promise<string>;
  /** Only what moves, of connectors that are called or have just been. */
  beat(): Promise<string>;
  /** Something changed that nobody tells of, e.g. a breaker, between the last document and the last beat. */
  readonly outdated: boolean;
}

/** Gives the event loop a turn now and then. */
async function inTurns<T>(all: readonly T[], each: (one: T) => void): Promise<void> {
  let beganAtMs = performance.now();
  for (const one of all) {
    each(one);
    if (performance.now() - beganAtMs < TURN_MS) continue;
    await nextTurn();
    beganAtMs = performance.now();
  }
}

class ServiceOverview implements Overview {
  readonly #facts: PageFacts;
  readonly #figures: ProcessFigures;
  /** Connectors whose numbers were above zero in the last beat. */
  #moving: ReadonlySet<string> = new Set();
  /** What changes without a word, by connector, as the last document has it. */
  #quiet: ReadonlyMap<string, string> = new Map();
  #state = '';
  outdated = false;

  constructor(facts: PageFacts, figures: ProcessFigures) {
    this.#facts = facts;
    this.#figures = figures;
  }

  async text(): Promise<string> {
    const { flags, rollout, map } = this.#facts;
    const head = {
      service: this.#service(),
      process: this.#process(),
      flags: flags(),
      rollout: rollout(),
      map: map() ?? null,
    };
    const rows = await this.#rows();
    return `${JSON.stringify(head).slice(0, -1)},"connectors":[${rows.join(',')}]}`;
  }

  async beat(): Promise<string> {
    const beats: string[] = [];
    const moving = new Set<string>();
    const { connectors, history: historyOf, nextAttemptMs } = this.#facts;
    this.outdated = this.#facts.state() !== this.#state;
    await inTurns(connectors(), (status) => {
      const { id, calls } = status;
      const history = historyOf(id);
      if (this.#quiet.get(id) !== quietMark(status, history !== undefined)) {
        this.outdated = true;
      }
      if (history === undefined && calls === undefined) return;
      const beat = connectorBeat({ status, history, nextAttemptMs: nextAttemptMs(id) });
      const moves = beat.callsPerSecond > 0 || beat.inFlight > 0;
      if (moves) moving.add(id);
      // Once more when it has come to rest.
      if (moves || this.#moving.has(id))
        beats.push(`${JSON.stringify(id)}:${JSON.stringify(beat)}`);
    });
    this.#moving = moving;
    const figures = JSON.stringify(this.#process());
    return `{"at":${Date.now()},"connectors":{${beats.join(',')}},"process":${figures}}`;
  }

  async #rows(): Promise<readonly string[]> {
    const {
      connectors,
      wanted,
      served,
      listedMark,
      nextAttemptMs,
      history: historyOf,
    } = this.#facts;
    // Each of them looks at every connector at once.
    const definitions = wanted();
    await nextTurn();
    const manifests = new Map(served().map((one) => [one.connectorId, one]));
    await nextTurn();
    const [statuses, now] = [connectors(), Date.now()];
    await nextTurn();
    const quiet = new Map<string, string>();
    const rows: string[] = [];
    await inTurns(statuses, (status) => {
      const { id } = status;
      const history = historyOf(id);
      quiet.set(id, quietMark(status, history !== undefined));
      const offered = { served: manifests.get(id), listedMark: listedMark(id) };
      const known = { wanted: definitions.get(id), ...offered, history };
      const row = connectorRow({ status, ...known, nextAttemptMs: nextAttemptMs(id), now });
      rows.push(JSON.stringify(row));
    });
    this.#quiet = quiet;
    return rows;
  }

  #service(): object {
    const { version, startedAt, state, rollout } = this.#facts;
    this.#state = state();
    return {
      name: 'cortex-mcp',
      version,
      instanceId: rollout().instanceId,
      startedAt: startedAt.getTime(),
      uptimeMs: Date.now() - startedAt.getTime(),
      state: this.#state,
      pid: process.pid,
      node: process.version,
    };
  }

  #process(): object {
    const { callsInFlight, sessions, streams } = this.#facts;
    return {
      ...this.#figures.read(),
      inFlight: callsInFlight(),
      sessions: sessions(),
      streams: streams(),
    };
  }
}

function quietMark({ busy, calls, phase, state }: ConnectorStatus, isCalled: boolean): string {
  const waiting = busy && state === 'unavailable' ? phase : '';
  return `${calls?.breaker ?? 'closed'} ${String(isCalled)} ${waiting}`;
}

export function createOverview(facts: PageFacts, figures: ProcessFigures): Overview {
  return new ServiceOverview(facts, figures);
}
