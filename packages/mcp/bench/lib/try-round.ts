import { measureRound, type Candidate, type ComparedLoad, type LoadRound } from './compare-load.ts';
import { openFaultClient, type Way } from './fault-client.ts';
import type { ComparedRow } from './load-table.ts';
import type { RequestTemplate } from './message-bytes.ts';
import { shownOutcomes, type Outcome } from './outcome.ts';
import type { BenchTable } from './report.ts';

const WAIT_MS = 3_000;

/** A load whose requests may not be answered at all. */
interface Tried {
  readonly rounds: readonly LoadRound[];
  /** What became of the request where there was nothing to measure. */
  readonly failures: readonly Outcome[];
}

const NOTHING: Tried = { rounds: [], failures: [] };

/** By the name of a row and of a candidate. */
export class TriedRounds {
  readonly #found = new Map<string, Map<string, Tried>>();

  add(row: string, who: string, result: LoadRound | Outcome): void {
    const { rounds, failures } = this.of(row, who);
    const tried: Tried =
      'kind' in result
        ? { rounds, failures: [...failures, result] }
        : { rounds: [...rounds, result], failures };
    const candidates = this.#found.get(row) ?? new Map<string, Tried>();
    this.#found.set(row, candidates.set(who, tried));
  }

  of(row: string, who: string): Tried {
    return this.#found.get(row)?.get(who) ?? NOTHING;
  }

  /** What was measured. */
  get rows(): readonly ComparedRow[] {
    return [...this.#found].map(([name, candidates]) => ({
      name,
      rounds: new Map(
        [...candidates].flatMap(([who, { rounds }]) =>
          rounds.length === 0 ? [] : [[who, rounds] as const],
        ),
      ),
    }));
  }

  /** The table with a line for what could not be measured, after those of the same load. */
  complete(table: BenchTable): BenchTable {
    const { headings, rows } = table;
    const names = new Set([...rows.map(([row = '']) => row), ...this.#found.keys()]);
    const lines = [...names].flatMap((name) =>
      rows.filter(([row]) => row === name).concat(this.#failed(name, headings.length)),
    );
    return { ...table, rows: lines };
  }

  #failed(name: string, columns: number): string[][] {
    return [...(this.#found.get(name) ?? [])].flatMap(([who, { rounds, failures }]) => {
      if (failures.length === 0) return [];
      const count = `${failures.length} of ${failures.length + rounds.length}`;
      const blank = Array.from({ length: columns - 4 }, () => '-');
      return [[name, who, shownOutcomes(failures), ...blank, count]];
    });
  }
}

async function askFirst(
  place: { readonly url: string; readonly way: Way },
  request: RequestTemplate,
): Promise<Outcome> {
  const startedAt = performance.now();
  try {
    const client = await openFaultClient(place, WAIT_MS);
    const outcome = await client.ask(request, WAIT_MS);
    client.close();
    return outcome;
  } catch (error) {
    // No session, or no stream.
    const what = (error as Error).message;
    return { kind: 'error', ms: performance.now() - startedAt, what, code: undefined };
  }
}

/** One round under load; where its first request is not answered with a result, what became of that. */
export async function tryRound(
  options: Pick<ComparedLoad, 'load' | 'durationMs' | 'helpers'>,
  candidate: Candidate,
  way: Way,
): Promise<LoadRound | Outcome> {
  const { url, requests } = candidate.place;
  const [request] = requests;
  if (request === undefined) throw new RangeError('there is nothing to ask');
  const outcome = await askFirst({ url, way }, request);
  if (outcome.kind !== 'answered') return outcome;
  const startedAt = performance.now();
  try {
    return await measureRound(options, candidate);
  } catch (error) {
    await options.load.close();
    const what = (error as Error).message.replace(/ at http\S+/, '');
    return { kind: 'error', ms: performance.now() - startedAt, what, code: undefined };
  }
}
