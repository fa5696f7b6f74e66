import type { ConnectorFacts } from './overview.ts';

/** How a state is to be taken; unknown states are `off`. */
export type Tone = 'good' | 'aging' | 'bad' | 'off' | 'busy';

const TONES: ReadonlyMap<string, Tone> = new Map([
  ['ready', 'good'],
  ['fresh', 'good'],
  ['stale', 'aging'],
  ['unavailable', 'bad'],
  ['disabled', 'off'],
  ['starting', 'busy'],
  ['connecting', 'busy'],
]);
const ORDER: readonly Tone[] = ['bad', 'aging', 'busy', 'good', 'off'];

export function toneOf(state: string): Tone {
  return TONES.get(state) ?? 'off';
}

/** Columns that connectors can be sorted by. */
export type SortKey =
  | 'state'
  | 'id'
  | 'era'
  | 'age'
  | 'next'
  | 'p95'
  | 'calls'
  | 'errors'
  | 'breaker'
  | 'restarts'
  | 'inFlight'
  | 'tools';

export interface Sorting {
  readonly key: SortKey;
  readonly isDescending: boolean;
}

export interface ConnectorFilter {
  /** Words that id, origin, transport, state or error code must all have. */
  readonly search: string;
  /** `all`, or one tone. */
  readonly tone: Tone | 'all';
}

const BREAKERS = ['open', 'half-open', 'closed'];

type Value = string | number | undefined;

const VALUES: Readonly<Record<SortKey, (one: ConnectorFacts) => Value>> = {
  state: (one) => ORDER.indexOf(toneOf(one.state)),
  id: (one) => one.id,
  era: (one) => `${one.era} ${one.revision ?? ''}`,
  age: (one) => one.ageMs,
  next: (one) => one.nextRefreshAt,
  p95: (one) => one.pulse.p95Ms,
  calls: (one) => one.pulse.callsPerSecond,
  errors: (one) => one.pulse.errorsPerSecond,
  breaker: (one) => BREAKERS.indexOf(one.breaker),
  restarts: (one) => one.restarts,
  inFlight: (one) => one.inFlight,
  tools: (one) => one.counts.tools,
};

function compareValues(a: string | number, b: string | number): number {
  if (typeof a === 'string' || typeof b === 'string') return String(a) < String(b) ? -1 : 1;
  return a - b;
}

function compareBy(key: SortKey, sign: number) {
  const valueOf = VALUES[key];
  return (one: ConnectorFacts, other: ConnectorFacts): number => {
    const a = valueOf(one);
    const b = valueOf(other);
    // What has no value comes last, whichever way it goes; equal ones are in order of their ids.
    if (a !== b && a === undefined) return 1;
    if (a !== b && b === undefined) return -1;
    if (a === b || a === undefined || b === undefined) return one.id < other.id ? -1 : 1;
    return compareValues(a, b) * sign;
  };
}

/** The text a connector is found by, lower case. */
function textOf(one: ConnectorFacts): string {
  return [one.id, one.origin, one.transport, one.state, one.source, one.era, one.error?.code ?? '']
    .join(' ')
    .toLowerCase();
}

/** The connectors that a filter lets through, sorted. The list that was given stays as it is. */
export function connectorRows(
  connectors: readonly ConnectorFacts[],
  filter: ConnectorFilter,
  sorting: Sorting,
): readonly ConnectorFacts[] {
  const words = filter.search.toLowerCase().split(/\s+/).filter(Boolean);
  const kept = connectors.filter((one) => {
    if (filter.tone !== 'all' && toneOf(one.state) !== filter.tone) return false;
    if (words.length === 0) return true;
    const text = textOf(one);
    return words.every((word) => text.includes(word));
  });
  return kept.toSorted(compareBy(sorting.key, sorting.isDescending ? -1 : 1));
}

/** How many connectors there are of each tone. */
export function countTones(connectors: readonly ConnectorFacts[]): Readonly<Record<Tone, number>> {
  const counts = { good: 0, aging: 0, bad: 0, off: 0, busy: 0 };
  for (const one of connectors) counts[toneOf(one.state)] += 1;
  return counts;
}

/** One sentence about connectors whose state is another than before, or undefined: for those who cannot see the table. */
export function describeChanges(
  before: readonly ConnectorFacts[],
  after: readonly ConnectorFacts[],
): string | undefined {
  const states = new Map(before.map((one) => [one.id, one.state]));
  const changed = after.filter((one) => states.has(one.id) && states.get(one.id) !== one.state);
  if (changed.length === 0) return undefined;
  if (changed.length > 3) return `${changed.length} connectors changed their state.`;
  return `${changed.map((one) => `${one.id} is now ${one.state}`).join(', ')}.`;
}
