import { type BaselineDiff, type DiffRow, diffCells, isEmpty } from './baseline-diff.ts';
import type { BaselineRecord } from './baseline-record.ts';
import { known, writeChange, writeFigure } from './figure.ts';

export type GateVerdict = 'pass' | 'fail' | 'unknown';

/** One condition of S1-37, with what it was judged by. */
export interface Gate {
  readonly what: string;
  readonly verdict: GateVerdict;
  readonly figures: string;
}

export interface ReportInput {
  readonly before: BaselineRecord;
  readonly after: BaselineRecord;
  readonly diff: BaselineDiff;
}

const MEMORY_LESS = 0.1;
const THROUGHPUT_MORE = 0.11;
const MAX_VARIATION = 0.1;

function row({ diff }: ReportInput, name: string): DiffRow | undefined {
  return diff.rows.find((one) => one.name === name);
}

function gate(what: string, isGood: boolean | undefined, figures: string): Gate {
  const verdict = isGood === undefined ? 'unknown' : isGood ? 'pass' : 'fail';
  return { what, verdict, figures };
}

function written(one: DiffRow): string {
  const { name, unit, before, after, change } = one;
  return `\`${name}\` ${writeFigure(before, unit)} → ${writeFigure(after, unit)} (${writeChange(change)})`;
}

/** The first of these that both have. */
function firstKnown(input: ReportInput, names: readonly string[]): DiffRow | undefined {
  return names
    .map((name) => row(input, name))
    .find((one) => one !== undefined && one.change !== 'unknown');
}

function memoryGate(input: ReportInput): Gate {
  const one = firstKnown(input, ['total.pssBytes', 'gateway.pssBytes', 'gateway.rssBytes']);
  const change = known(one?.change);
  return gate(
    'Memory: 10 % less or better',
    change === undefined ? undefined : change <= -MEMORY_LESS,
    one === undefined ? 'no memory figure in both' : written(one),
  );
}

function variationGate({ after }: ReportInput): Gate {
  const variation = known(after.metrics['calls.variation']?.value);
  return gate(
    'Variation of latency below 10 %',
    variation === undefined ? undefined : variation < MAX_VARIATION,
    variation === undefined
      ? 'calls in fewer than three intervals: give collect a --probe'
      : `\`calls.variation\` ${writeFigure(variation, 'ratio')}`,
  );
}

/** What could be called, not what was called: that is up to clients. */
function throughputGate(input: ReportInput): Gate {
  const one = firstKnown(input, ['probe.unpacedPerSecond']);
  const change = known(one?.change);
  return gate(
    'Throughput: 11 % more or better',
    change === undefined ? undefined : change >= THROUGHPUT_MORE,
    one === undefined ? 'take both with --probe and without --rate' : written(one),
  );
}

function oomGate({ before, after }: ReportInput): Gate {
  const kills = known(after.metrics['oom.kills']?.value);
  const old = writeFigure(before.metrics['oom.kills']?.value ?? 'unknown', 'count');
  return gate(
    'Nothing ended for want of memory',
    kills === undefined ? undefined : kills === 0,
    kills === undefined ? 'the control group does not tell' : `\`oom.kills\` ${old} → ${kills}`,
  );
}

function regressionGate({ diff }: ReportInput): Gate {
  const worse = diff.rows.filter(({ verdict }) => verdict === 'worse' || verdict === 'gone');
  const names = worse
    .map(({ name, verdict }) => `\`${name}\`${verdict === 'gone' ? ' (no longer measured)' : ''}`)
    .join(', ');
  const judged = diff.rows.filter(({ verdict }) => verdict !== 'unknown' && verdict !== 'shown');
  return gate(
    'No regressions',
    judged.length === 0 ? undefined : worse.length === 0,
    worse.length === 0 ? `${judged.length} figures compared` : names,
  );
}

/** The exit criteria of S1-37. What was not measured is unknown, which is not passed. */
export function gatesOf(input: ReportInput): readonly Gate[] {
  return [
    memoryGate(input),
    variationGate(input),
    throughputGate(input),
    oomGate(input),
    regressionGate(input),
  ];
}

function line(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`;
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return 'Nothing was measured in both.\n';
  return line(head) + line(head.map(() => '---')) + rows.map(line).join('');
}

const HEAD = ['figure', 'before', 'after', 'change', 'band', 'verdict'];

function section(input: ReportInput, title: string, pattern: RegExp): string {
  const rows = input.diff.rows.filter((one) => pattern.test(one.name) && !isEmpty(one));
  return `## ${title}\n\n${markdownTable(HEAD, rows.map(diffCells))}`;
}

function issues({ diff, after }: ReportInput): string {
  const lines = [
    ...diff.warnings,
    ...diff.rows
      .filter(({ verdict }) => verdict === 'worse')
      .map((one) => `worse: ${written(one)}`),
    ...diff.budget
      .filter(({ verdict }) => verdict === 'fail')
      .map(
        ({ what, percentile, limitMs, measuredMs }) =>
          `over budget (S3-17): ${what}, ${percentile} ${writeFigure(measuredMs, 'ms')}, limit ${limitMs} ms`,
      ),
    ...(diff.onlyBefore.length === 0
      ? []
      : [`no longer measured: ${diff.onlyBefore.map((name) => `\`${name}\``).join(', ')}`]),
    ...Object.entries(after.host)
      .filter(([, said]) => said.startsWith('unknown') || said.includes('uncommitted'))
      .map(([name, said]) => `${name}: ${said}`),
  ];
  const text = lines.length === 0 ? 'None found.' : lines.map((one) => `- ${one}`).join('\n');
  return `## Issues\n\n${text}\n`;
}

const ADVICE: Readonly<Record<string, string>> = {
  'Memory: 10 % less or better':
    'Memory did not fall as wanted: look at the allocator, semi-space and what idles (`cortex-mcp doctor`, `cortex-mcp profile heap`).',
  'Variation of latency below 10 %':
    'Latency varies: compare `loop.p99Ms` and `gc.pauseShare`, and take `cortex-mcp profile cpu` while it does.',
  'Throughput: 11 % more or better':
    'Throughput did not rise as wanted: `cortex-mcp profile cpu --seconds 30` under the same probe shows where time goes.',
  'Nothing ended for want of memory':
    'Raise the memory limit or lower `maxInFlight`; roll back if it is new.',
  'No regressions': 'Roll back, or explain each figure that got worse, before the next step.',
};

function recommendations(gates: readonly Gate[], { after }: ReportInput): string {
  const open = gates.filter(({ verdict }) => verdict !== 'pass');
  const lines = open.map(({ what, verdict, figures }) =>
    verdict === 'unknown'
      ? `Measure what is unknown (${what}): ${figures}.`
      : (ADVICE[what] ?? what),
  );
  if (!(after.host['thp'] ?? '').includes('[madvise]')) {
    lines.push(
      `Transparent huge pages are \`${after.host['thp'] ?? 'unknown'}\`; madvise is wanted (S1-24).`,
    );
  }
  if (open.length === 0)
    lines.unshift('All gates pass: go on with the next step (`cortex-mcp rollout plan`).');
  return `## Recommendations\n\n${lines.map((one) => `- ${one}`).join('\n')}\n`;
}

function facts(title: string, { label, takenAt, seconds, service, probe }: BaselineRecord): string {
  const load =
    probe === undefined ? 'no probe' : `probe \`${probe.tool}\` ${String(probe.ratePerSecond)}`;
  return `- ${title}: \`${label}\`, ${takenAt}, ${seconds} s, ${service.version} on Node ${service.node}, ${load}`;
}

/** A report in Markdown: the sections of S1-36, then the gates of S1-37. */
export function writeReport(input: ReportInput): string {
  const gates = gatesOf(input);
  return [
    '# Priority 1 analysis',
    '',
    facts('Before', input.before),
    facts('After', input.after),
    `- Threshold ${(input.diff.threshold * 100).toFixed(0)} %, and the noise of both`,
    '',
    section(
      input,
      'Memory reduction',
      /(?:^total|^gateway|^processes|^external|^arrayBuffers|^heap|ssBytes$|^oom)/,
    ),
    section(
      input,
      'Latency',
      /(?:^calls\..*(?:Ms|variation)|^probe\..*Ms|^loop\.|^gc\.|^syncs\..*Ms|^connector\..*Ms$)/,
    ),
    section(input, 'Throughput', /(?:erSecond$|errorRatio$|hitRatio$|^cpu\.)/),
    issues(input),
    recommendations(gates, input),
    '## Gates',
    '',
    markdownTable(
      ['gate (S1-37)', 'verdict', 'by'],
      gates.map(({ what, verdict, figures }) => [what, verdict, figures]),
    ),
    markdownTable(
      ['budget (S3-17)', 'limit', 'measured', 'verdict', 'by'],
      input.diff.budget.map(({ what, percentile, limitMs, measuredMs, verdict, source }) => [
        `${what}, ${percentile}`,
        `${limitMs} ms`,
        writeFigure(measuredMs, 'ms'),
        verdict,
        source,
      ]),
    ),
  ].join('\n');
}
