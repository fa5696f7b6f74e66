import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type BaselineDiff, diffBaselines, diffCells, isEmpty } from '../proof/baseline-diff.ts';
import { findBaseline, listBaselines, readBaseline } from '../proof/baseline-folder.ts';
import { gatesOf, type ReportInput, writeReport } from '../proof/baseline-report.ts';
import { writeFigure } from '../proof/figure.ts';
import { baselineParent } from './baseline-parent.ts';
import type { CommandContext } from './command.ts';
import { EXIT_FAILED, EXIT_OK } from './exit-code.ts';
import { numberOption } from './number-option.ts';
import { type Cell, type Colour, createPaint, safeText, table } from './terminal-text.ts';

const COLOURS: Readonly<Record<string, Colour>> = {
  better: 'green',
  worse: 'red',
  gone: 'red',
  pass: 'green',
  fail: 'red',
  unknown: 'yellow',
};

async function inputOf(context: CommandContext): Promise<ReportInput> {
  const { io, args } = context;
  const place = { cwd: io.cwd, parent: baselineParent(context) };
  const [first = '', second = ''] = args;
  const before = await readBaseline(await findBaseline(first, place));
  const after = await readBaseline(await findBaseline(second, place));
  const threshold = numberOption(context, 'threshold', { min: 0, max: 10, standard: 0.1 });
  return { before, after, diff: diffBaselines(before, after, threshold) };
}

function cells(texts: readonly string[], verdict: string): Cell[] {
  return texts.map((text, index) => ({
    text: safeText(text),
    ...(index > 0 && index < texts.length - 1 && { align: 'right' as const }),
    colour: index === texts.length - 1 ? COLOURS[verdict] : undefined,
  }));
}

function show(context: CommandContext, diff: BaselineDiff): void {
  const { io } = context;
  const style = { paint: createPaint(io), columns: io.columns };
  const rows = diff.rows.filter((row) => !isEmpty(row));
  const empty = diff.rows.length - rows.length;
  const headings = ['FIGURE', 'BEFORE', 'AFTER', 'CHANGE', 'BAND', 'VERDICT'];
  io.stdout.write(
    table(
      headings,
      rows.map((row) => cells(diffCells(row), row.verdict)),
      style,
    ),
  );
  if (empty > 0) io.stdout.write(`${empty} figures are unknown, or nothing, in both\n`);
  io.stdout.write('\n');
  const budget = diff.budget.map(({ what, percentile, limitMs, measuredMs, verdict }) =>
    cells(
      [`${what}, ${percentile}`, `${limitMs} ms`, writeFigure(measuredMs, 'ms'), verdict],
      verdict,
    ),
  );
  io.stdout.write(table(['BUDGET', 'LIMIT', 'MEASURED', 'VERDICT'], budget, style));
  for (const warning of diff.warnings) io.stderr.write(`warning: ${safeText(warning)}\n`);
  const percent = (diff.threshold * 100).toFixed(0);
  io.stdout.write(
    diff.failed
      ? '\nworse than before, no longer measured, or over budget\n'
      : `\nnothing is worse by more than ${percent} % and noise\n`,
  );
}

export async function runBaselineDiff(context: CommandContext): Promise<number> {
  const { diff } = await inputOf(context);
  if (context.json) context.io.stdout.write(`${JSON.stringify(diff, undefined, 2)}\n`);
  else show(context, diff);
  return diff.failed ? EXIT_FAILED : EXIT_OK;
}

export async function runBaselineReport(context: CommandContext): Promise<number> {
  const { io, options, json } = context;
  const input = await inputOf(context);
  const gates = gatesOf(input);
  const path = resolve(io.cwd, options.text('out') ?? 'priority1-analysis.md');
  await writeFile(path, writeReport(input));
  if (json) {
    io.stdout.write(
      `${JSON.stringify({ path, gates, failed: input.diff.failed }, undefined, 2)}\n`,
    );
  } else {
    const rows = gates.map(({ what, verdict, figures }): Cell[] => [
      { text: what },
      { text: verdict, colour: COLOURS[verdict] },
      { text: safeText(figures) },
    ]);
    const style = { paint: createPaint(io), columns: io.columns };
    io.stdout.write(`${table(['GATE', 'VERDICT', 'BY'], rows, style)}\n${path}\n`);
  }
  return gates.every(({ verdict }) => verdict !== 'fail') ? EXIT_OK : EXIT_FAILED;
}

export async function runBaselineList(context: CommandContext): Promise<number> {
  const { io, json } = context;
  const parent = baselineParent(context);
  const kept = await listBaselines(parent);
  if (json) {
    const rows = kept.map(({ folder, record, problem }) => ({
      folder,
      label: record?.label,
      takenAt: record?.takenAt,
      seconds: record?.seconds,
      version: record?.service.version,
      problem,
    }));
    io.stdout.write(`${JSON.stringify(rows, undefined, 2)}\n`);
    return EXIT_OK;
  }
  if (kept.length === 0) {
    io.stdout.write(
      `no baselines in ${safeText(parent)}; take one with: cortex-mcp baseline collect\n`,
    );
    return EXIT_OK;
  }
  const rows = kept.map(({ name, record, problem }): Cell[] => [
    { text: safeText(name) },
    { text: record?.takenAt ?? '-' },
    { text: record === undefined ? '-' : `${record.seconds} s`, align: 'right' },
    { text: record?.service.version ?? '-' },
    {
      text:
        record === undefined
          ? safeText(problem ?? '')
          : record.restarted
            ? 'restarted meanwhile'
            : '',
    },
  ]);
  const style = { paint: createPaint(io), columns: io.columns };
  io.stdout.write(table(['NAME', 'TAKEN', 'FOR', 'VERSION', ''], rows, style));
  return EXIT_OK;
}
