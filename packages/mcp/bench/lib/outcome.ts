import { readingOf, shown } from './report.ts';

/** What became of one request. */
export type Outcome =
  /** `servers`: whose tools a list holds; 0 where it was no list. */
  | { readonly kind: 'answered'; readonly ms: number; readonly servers: number }
  /** `code`: the stable code beside the number, where it carries one. */
  | {
      readonly kind: 'error';
      readonly ms: number;
      readonly what: string;
      readonly code: string | undefined;
    }
  /** Nothing came for so long. */
  | { readonly kind: 'silent'; readonly ms: number };

interface Answer {
  readonly error?: {
    readonly code: number;
    readonly message: string;
    readonly data?: { readonly code?: unknown };
  };
  readonly result?: {
    readonly isError?: boolean;
    readonly content?: readonly { readonly text?: string }[];
    readonly tools?: readonly { readonly name: string }[];
    readonly structuredContent?: { readonly code?: unknown };
  };
}

const MAX_WHAT = 60;

/** Without what differs from run to run. */
function tidy(text: string): string {
  // Gateways wrap what a server answered as it came.
  const inner = /"message":\s*"([^"]+)"/.exec(text)?.[1];
  const one = (inner ?? text)
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/:\d{4,5}\b/g, ':PORT')
    .replaceAll('|', '/');
  return one.length > MAX_WHAT ? `${one.slice(0, MAX_WHAT)}…` : one;
}

const stable = (code: unknown): string | undefined => (typeof code === 'string' ? code : undefined);

function resultOutcome(result: NonNullable<Answer['result']>, ms: number): Outcome {
  if (result.isError === true) {
    const what = tidy(result.content?.[0]?.text ?? 'an error of the tool');
    return { kind: 'error', ms, what, code: stable(result.structuredContent?.code) };
  }
  const names = (result.tools ?? []).map(({ name }) => name.split('__', 1)[0]);
  return { kind: 'answered', ms, servers: new Set(names).size };
}

function parsed(json: string): Answer | undefined {
  try {
    return JSON.parse(json) as Answer;
  } catch {
    // It is no JSON: what it is, is told with the error.
    return undefined;
  }
}

/** What an answer says, be it bare or an event: a result, an error of the protocol, of a tool or of HTTP. */
export function outcomeOf(status: number, text: string, ms: number): Outcome {
  const json = /^data: ?(\{.*)$/m.exec(text)?.[1] ?? text;
  const { error, result } = parsed(json) ?? {};
  if (error !== undefined) {
    return { kind: 'error', ms, what: tidy(error.message), code: stable(error.data?.code) };
  }
  if (result === undefined || status !== 200) {
    return { kind: 'error', ms, what: tidy(`${status} ${json}`), code: undefined };
  }
  return resultOutcome(result, ms);
}

const tookOf = (some: readonly Outcome[]): string => {
  const reading = readingOf(
    some.map(({ ms }) => ms),
    'ms',
  );
  return shown(reading, reading.median < 10 ? 1 : 0);
};

function partOf(kind: Outcome['kind'], some: readonly Outcome[]): string {
  if (kind === 'answered') return `${tookOf(some)} ms`;
  if (kind === 'error') return `error after ${tookOf(some)} ms`;
  const longestMs = Math.max(...some.map(({ ms }) => ms));
  return `no answer in ${Number((longestMs / 1_000).toFixed(1))} s`;
}

/** How often what happened and after how long: `3.1 (2.8–4.0) ms (8 of 9), error after 9 ms (1 of 9): fetch failed`. */
export function shownOutcomes(outcomes: readonly Outcome[]): string {
  if (outcomes.length === 0) return '-';
  const groups = new Map<string, Outcome[]>();
  for (const outcome of outcomes) {
    const text = outcome.kind === 'error' ? (outcome.code ?? outcome.what) : '';
    const key = `${outcome.kind}|${text}`;
    groups.set(key, [...(groups.get(key) ?? []), outcome]);
  }
  const parts = [...groups].map(([key, some]) => {
    const [kind = '', text = ''] = key.split('|', 2);
    const isOnly = groups.size === 1 && some.length === 1;
    const of = isOnly ? '' : ` (${some.length} of ${outcomes.length})`;
    return `${partOf(kind as Outcome['kind'], some)}${of}${text === '' ? '' : `: ${text}`}`;
  });
  return parts.join(', ');
}

/** Milliseconds of the answers that are results. */
export function answeredMs(outcomes: readonly Outcome[]): readonly number[] {
  return outcomes.flatMap((outcome) => (outcome.kind === 'answered' ? [outcome.ms] : []));
}
