import { increase } from './exposition.ts';
import { cgroupOf, machineMemoryPressure } from './host-cgroup.ts';
import { createHostFiles, type HostFiles } from './host-files.ts';
import { allProcessRows, groupsMemory, processMemory, type ProcessRow } from './host-process.ts';
import {
  type HeldMemory,
  type HostFrame,
  isOther,
  type MonitorFrame,
  monitorFrame,
  type PressureFrame,
} from './monitor-frame.ts';
import type { ReadConnector, ServiceReading } from './service-reading.ts';

/** Turns readings of a service, one after the other, into what happened between them. */
export interface MonitorWatch {
  /** Undefined for the first reading: there is nothing to compare it with. */
  next(reading: ServiceReading): Promise<MonitorFrame | undefined>;
}

export interface MonitorWatchOptions {
  /** Whether the service runs on this machine, so that its processes can be seen. */
  readonly local: boolean;
  /** Default: those of this machine. */
  readonly files?: HostFiles;
  /** Milliseconds by the wall clock. */
  readonly now: () => number;
}

const NOTHING: HeldMemory = { rssBytes: undefined, pssBytes: undefined };

/** A connector at the reading before. */
interface Seen {
  readonly leaders: ReadonlySet<number>;
  /** Processes that went away without one in their place yet. */
  readonly gone: number;
  readonly losses: number;
}

/** Counts processes and connections that took the place of others. */
class Restarts {
  readonly #seen = new Map<string, Seen>();
  readonly #counts = new Map<string, number>();
  /** What the service has counted is of the time since it was last seen. */
  #isAllNew = false;

  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  note({ id, pids, asleep, losses }: ReadConnector): void {
    const leaders = new Set(pids);
    const before = this.#seen.get(id);
    const { leaders: old = leaders, gone = 0 } = before ?? {};
    const lost = gone + [...old].filter((pid) => !leaders.has(pid)).length;
    const made = [...leaders].filter((pid) => !old.has(pid)).length;
    const replaced = Math.min(lost, made);
    const counted = losses ?? 0;
    // One that the service has counted itself is seen even if many of them came and went between two looks.
    const known = before?.losses ?? (this.#isAllNew ? 0 : counted);
    const more = losses === undefined ? replaced : increase(known, counted);
    this.#counts.set(id, (this.#counts.get(id) ?? 0) + more);
    // One that was put to sleep is woken, not restarted.
    this.#seen.set(id, { leaders, gone: asleep ? 0 : lost - replaced, losses: counted });
  }

  /** All processes belong to another service now. */
  forget(): void {
    this.#seen.clear();
    this.#isAllNew = true;
  }
}

class ServiceWatch implements MonitorWatch {
  readonly #options: MonitorWatchOptions;
  readonly #files: HostFiles;
  readonly #restarts = new Restarts();
  #before: ServiceReading | undefined;

  constructor(options: MonitorWatchOptions) {
    this.#options = options;
    this.#files = options.files ?? createHostFiles();
  }

  async next(reading: ServiceReading): Promise<MonitorFrame | undefined> {
    const before = this.#before;
    this.#before = reading;
    if (before !== undefined && isOther(before, reading)) this.#restarts.forget();
    for (const connector of reading.connectors) this.#restarts.note(connector);
    return before && monitorFrame(before, reading, await this.#host(reading));
  }

  async #host(reading: ServiceReading): Promise<HostFrame> {
    const shared = {
      at: new Date(this.#options.now()).toISOString(),
      restarts: this.#restarts.counts,
    };
    if (!this.#options.local) {
      return { ...shared, service: NOTHING, pressure: undefined, connectors: new Map() };
    }
    const files = this.#files;
    const [service, pressure, rows] = await Promise.all([
      processMemory(files, reading.pid),
      this.#pressure(reading.pid),
      allProcessRows(files),
    ]);
    const held = await Promise.all(
      reading.connectors.map(async (one) => [one.id, await this.#memory(one, rows)] as const),
    );
    return { ...shared, service, pressure, connectors: new Map(held) };
  }

  async #memory({ pids }: ReadConnector, rows: readonly ProcessRow[]): Promise<HeldMemory> {
    return pids.length === 0 ? NOTHING : await groupsMemory(this.#files, rows, pids);
  }

  async #pressure(pid: number): Promise<PressureFrame | undefined> {
    const group = (await cgroupOf(this.#files, pid))?.memoryPressure;
    const facts = group ?? (await machineMemoryPressure(this.#files));
    if (facts === undefined) return undefined;
    const where = group === undefined ? 'machine' : 'group';
    return { where, some: facts.some.avg10, full: facts.full?.avg10 ?? 0 };
  }
}

/** Reads nothing before the first `next`. */
export function createMonitorWatch(options: MonitorWatchOptions): MonitorWatch {
  return new ServiceWatch(options);
}
