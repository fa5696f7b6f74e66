import { WAIT_MS, type ProbeFault, type ProbeFound } from './fault-probe.ts';
import { answeredMs, shownOutcomes, type Outcome } from './outcome.ts';
import { readingOf, type BenchTable, type Reading, type Target } from './report.ts';

/** One kind of gateway beside one fault. */
export interface ProbeRow {
  readonly fault: ProbeFault;
  readonly name: string;
  readonly found: ProbeFound;
}

const NOT_ASKED = '-';

/** Of how many servers a list had tools. */
function serversOf(list: readonly Outcome[]): string {
  const counts = list.flatMap((one) => (one.kind === 'answered' ? [one.servers] : []));
  if (counts.length === 0) return '';
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  return `, of ${least === most ? most : `${least} to ${most}`} servers`;
}

/** When the tools of all others were there, where the first list did not have them. */
function wholeText({ firstList, whole }: ProbeFound, others: number): string {
  const isLate = firstList.some((one) => one.kind === 'answered' && one.servers < others);
  if (!isLate) return '';
  const came = whole.every((one) => one.kind === 'answered' && one.servers >= others);
  return came ? `, whole after ${shownOutcomes(whole)}` : `, not whole within ${WAIT_MS / 1_000} s`;
}

function backText(back: readonly Outcome[]): string {
  const gone = back.filter(({ kind }) => kind !== 'answered');
  if (gone.length === 0) return shownOutcomes(back);
  const [last] = gone;
  const why = last?.kind === 'error' ? `: ${last.code ?? last.what}` : '';
  const times = back.length === 1 ? '' : ` (${gone.length} of ${back.length})`;
  return `not within ${WAIT_MS / 1_000} s${times}${why}`;
}

/** What became of everything that was asked, a line for each gateway beside each fault. */
export function faultTable(title: string, rows: readonly ProbeRow[], servers: number): BenchTable {
  return {
    title,
    headings: [
      'one server is',
      'who',
      'first list after start',
      'a call of another server',
      'a list',
      'a call of that server',
      'works again after',
    ],
    rows: rows.map(({ fault, name, found }) => {
      if (found.notStarted !== undefined) return [fault, name, found.notStarted, '', '', '', ''];
      const { firstList, healthy, list, broken, back } = found;
      return [
        fault,
        name,
        `${shownOutcomes(firstList)}${serversOf(firstList)}${wholeText(found, servers - 1)}`,
        shownOutcomes(healthy),
        `${shownOutcomes(list)}${serversOf(list)}`,
        shownOutcomes(broken),
        fault.startsWith('restarted') ? backText(back) : NOT_ASKED,
      ];
    }),
  };
}

/** Milliseconds of what was answered; and of calls of the broken one, how long it took to hear that they failed. */
export function probeReadings(rows: readonly ProbeRow[]): Readonly<Record<string, Reading>> {
  const readings: Record<string, Reading> = {};
  for (const { fault, name, found } of rows) {
    const errors = found.broken.flatMap((one) => (one.kind === 'error' ? [one.ms] : []));
    const figures = {
      startListMs: answeredMs(found.firstList),
      othersMs: answeredMs(found.healthy),
      wholeListMs: answeredMs(found.list),
      errorMs: errors,
      backMs: answeredMs(found.back),
    };
    for (const [figure, values] of Object.entries(figures)) {
      if (values.length > 0) readings[`${fault}.${name}.${figure}`] = readingOf(values, 'ms');
    }
  }
  return readings;
}

type Verdict = 'go on' | 'fail' | 'lack other servers' | 'are not answered';

/** How it goes on, of one kind of request beside one fault. */
function verdictOf(outcomes: readonly Outcome[], leastServers: number): Verdict {
  if (outcomes.some(({ kind }) => kind === 'silent')) return 'are not answered';
  if (outcomes.some(({ kind }) => kind === 'error')) return 'fail';
  const isWhole = outcomes.every((one) => one.kind === 'answered' && one.servers >= leastServers);
  return isWhole ? 'go on' : 'lack other servers';
}

const BAD: readonly Verdict[] = ['fail', 'lack other servers', 'are not answered'];

function clauses(
  rows: readonly ProbeRow[],
  what: 'healthy' | 'list',
  { said, leastServers }: { readonly said: string; readonly leastServers: number },
): readonly string[] {
  const started = rows.filter(({ found }) => found[what].length > 0);
  if (started.length === 0) return [];
  const bad = BAD.flatMap((verdict) => {
    const faults = started.filter(({ found }) => verdictOf(found[what], leastServers) === verdict);
    const names = faults.map(({ fault }) => fault).join(' / ');
    return faults.length === 0 ? [] : [`${said} ${verdict} beside one ${names}`];
  });
  return bad.length === 0 ? [`${said} go on beside every fault`] : bad;
}

/** In a sentence, what one gateway did beside the faults: also where it did not mind them. */
export function summaryOf(name: string, all: readonly ProbeRow[], servers: number): string {
  const rows = all.filter((row) => row.name === name);
  const parts = [
    ...clauses(rows, 'healthy', { said: 'calls of others', leastServers: 0 }),
    ...clauses(rows, 'list', { said: 'lists', leastServers: servers - 1 }),
  ];
  const away = rows.filter(({ found }) => found.notStarted !== undefined);
  for (const { fault, found } of away) parts.push(`with one ${fault} it ${found.notStarted}`);
  const backs = rows.filter(({ found }) => found.back.length > 0);
  const gone = backs.filter(({ found }) => found.back.some(({ kind }) => kind !== 'answered'));
  if (backs.length > 0) {
    parts.push(
      gone.length === 0
        ? 'a restarted server is called again'
        : `a server that was ${gone.map(({ fault }) => fault).join(' / ')} is not called again within ${WAIT_MS / 1_000} s`,
    );
  }
  return parts.length === 0 ? '' : `${name}: ${parts.join('; ')}.`;
}

/** What ours are held to. */
export interface ProbeLimits {
  readonly servers: number;
  /** A first list, with what it takes beside its longest wait. */
  readonly firstListMs: number;
  /** Until a call of a hung server ends, of a dead one, and until one of a restarted server works again. */
  readonly hungMs: number;
  readonly deadMs: number;
  readonly backMs: number;
}

const longest = (outcomes: readonly Outcome[]): number =>
  Math.max(0, ...outcomes.map(({ ms }) => ms));

function firstListTarget(
  fault: ProbeFault,
  { firstList }: ProbeFound,
  limits: ProbeLimits,
): Target {
  const { servers, firstListMs } = limits;
  const others = servers - 1;
  const good = firstList.every((one) => one.kind === 'answered' && one.servers >= others);
  return {
    what: `first list after start, one of ${servers} ${fault}`,
    wanted: `≤ ${firstListMs} ms, with the ${others} others`,
    measured: `${longest(firstList).toFixed(0)} ms${serversOf(firstList)}`,
    met: good && firstList.length > 0 && longest(firstList) <= firstListMs,
  };
}

function errorTarget(fault: ProbeFault, { broken }: ProbeFound, limitMs: number): Target {
  const codes = new Set(
    broken.map((one) => (one.kind === 'error' ? (one.code ?? 'no code') : one.kind)),
  );
  const isTyped = broken.every((one) => one.kind === 'error' && one.code !== undefined);
  return {
    what: `a call of one that is ${fault}`,
    wanted: `a typed error, ≤ ${limitMs} ms`,
    measured: `${[...codes].join(', ')}, ${longest(broken).toFixed(0)} ms`,
    met: isTyped && broken.length > 0 && longest(broken) <= limitMs,
  };
}

function othersTarget(rows: readonly ProbeRow[], servers: number): Target {
  const calls = rows.flatMap(({ found }) => found.healthy);
  const lists = rows.flatMap(({ found }) => found.list);
  const whole = lists.filter((one) => one.kind === 'answered' && one.servers >= servers - 1);
  const all = [...calls, ...lists];
  const good = answeredMs(calls).length + whole.length;
  return {
    what: 'calls of others and lists, beside all faults',
    wanted: 'all answered',
    measured: `${good} of ${all.length}`,
    met: good === all.length && rows.every(({ found }) => found.notStarted === undefined),
  };
}

/** Whether one kind of gateway, ours, is not moved by what befalls a server. */
export function probeTargets(rows: readonly ProbeRow[], limits: ProbeLimits): readonly Target[] {
  if (rows.length === 0) return [];
  const targets = rows.flatMap(({ fault, found }): Target[] => {
    if (fault.startsWith('restarted')) {
      const back = longest(found.back);
      const works = found.back.length > 0 && answeredMs(found.back).length === found.back.length;
      const measured = works ? `${back.toFixed(0)} ms` : backText(found.back);
      const wanted = `works again, ≤ ${limits.backMs} ms`;
      return [
        {
          what: `a server that was ${fault}`,
          wanted,
          measured,
          met: works && back <= limits.backMs,
        },
      ];
    }
    const first = fault.endsWith('start') ? [firstListTarget(fault, found, limits)] : [];
    const limitMs = fault.startsWith('hung') ? limits.hungMs : limits.deadMs;
    return [...first, errorTarget(fault, found, limitMs)];
  });
  return [...targets, othersTarget(rows, limits.servers)];
}
