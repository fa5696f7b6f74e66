import type { Fault, FaultScope } from './fault.ts';

/** What a fault is chosen by. */
export interface FaultTarget {
  /** The JSON-RPC method, or `GET`/`DELETE`; undefined when the body could not be read as a message. */
  readonly method: string | undefined;
  /** Whether an answer is expected: a request with an id. */
  readonly isRequest: boolean;
  /** Whether the message names a session. */
  readonly hasSession: boolean;
}

/** The faults of one server and how often each has been met. */
export interface FaultPlan<F extends Fault> {
  /** The fault for this message, if any. Counts the message against every fault up to the one that applies. */
  next(target: FaultTarget): F | undefined;
  /** The first fault of this kind, met or not. */
  find<K extends F['kind']>(kind: K): Extract<F, { kind: K }> | undefined;
  /** Counts one occasion of a fault that is not about a message, and says whether it applies now. */
  meet(fault: F): boolean;
}

export interface FaultPlanOptions {
  /** How often each fault, by position, was met before this plan was made. Default: never. */
  readonly met?: ReadonlyMap<number, number>;
  /** Told each time a fault is met, so that another process can continue the count. */
  readonly onMet?: (index: number) => void;
}

const HANDSHAKE: ReadonlySet<string> = new Set(['initialize', 'server/discover']);

/** Kinds that are about the connection rather than about an answer. */
const EVERYTHING: ReadonlySet<string> = new Set(['hang-before-headers', 'reset', 'status']);

/** True for the two methods a connection opens with. */
function isHandshake(method: string | undefined): boolean {
  return method !== undefined && HANDSHAKE.has(method);
}

function scopeOf(fault: Fault): FaultScope {
  return fault.kind === 'tcp-refuse' ? {} : fault;
}

function matchesByDefault(fault: Fault, target: FaultTarget): boolean {
  if (EVERYTHING.has(fault.kind)) return true;
  if (fault.kind === 'session-404' || fault.kind === 'session-400') return target.hasSession;
  if (fault.kind === 'never-handshake') return isHandshake(target.method);
  if (fault.kind !== 'crash') return target.isRequest;
  return fault.at === 'handshake' ? isHandshake(target.method) : target.method === 'tools/call';
}

function matches(fault: Fault, target: FaultTarget): boolean {
  if (fault.kind === 'crash' && fault.at === 'start') return false;
  if (fault.kind === 'tcp-refuse') return false;
  const { method } = fault;
  return method === undefined ? matchesByDefault(fault, target) : method === target.method;
}

/** Chooses faults in the order given: the first that matches and is within its `after`/`times` applies. */
export function createFaultPlan<F extends Fault>(
  faults: readonly F[],
  options: FaultPlanOptions = {},
): FaultPlan<F> {
  const met = new Map<number, number>(options.met);

  function count(fault: F, index: number): boolean {
    const before = met.get(index) ?? 0;
    met.set(index, before + 1);
    options.onMet?.(index);
    const { after = 0, times = Number.POSITIVE_INFINITY } = scopeOf(fault);
    return before >= after && before < after + times;
  }

  return {
    next(target) {
      return faults.find((fault, index) => matches(fault, target) && count(fault, index));
    },
    find<K extends F['kind']>(kind: K) {
      return faults.find((fault): fault is Extract<F, { kind: K }> => fault.kind === kind);
    },
    meet(fault) {
      return count(fault, faults.indexOf(fault));
    },
  };
}
