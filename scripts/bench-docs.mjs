/**
 * `pnpm bench:docs [--record FILE] [--out FOLDER] [--check]`: writes docs/benchmarks.md, its plots and what the task
 * record says was measured from the baseline record; with `--out` the pages alone, into that folder.
 * No number in them is written by hand. `--check` only says whether they are what the record gives.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { barChart } from './bench-plots.mjs';
import { baselineFile, budgetsFile, readRecord } from './bench-records.mjs';
import { hotPathTask, refreshedBaton, targetsOf } from './bench-tasks.mjs';
import { print, root, workspaceEnv } from './workspace.mjs';

const { values } = parseArgs({
  options: {
    record: { type: 'string', default: baselineFile },
    check: { type: 'boolean', default: false },
    out: { type: 'string' },
  },
});

/** Where the pages go. */
const pages = values.out ?? join(root, 'docs');

/** Which rows of which bench become a plot, and who is drawn. */
const plots = [
  {
    file: 'call-cpu.svg',
    bench: 'call',
    title: 'Processor time of the gateway for a call',
    figure: 'cpuUs',
    rows: [
      'modern→modern, 0.5 KB, 32 in flight',
      'legacy→legacy, 0.5 KB, 32 in flight',
      'modern→stdio, 0.5 KB, 32 in flight',
    ],
  },
  {
    file: 'call-large.svg',
    bench: 'call',
    title: 'Processor time of the gateway for a call of 1 MB',
    figure: 'cpuUs',
    rows: [
      'modern→modern, 1 MB result, 8 in flight',
      'modern→modern, 1 MB arguments, 8 in flight',
      'modern→modern, 1 MB arguments of many values, 8 in flight',
    ],
  },
  {
    file: 'call-latency.svg',
    bench: 'call',
    title: 'Median latency of a call, one in flight',
    figure: 'p50Us',
    rows: ['modern→modern, 0.5 KB, 1 in flight', 'legacy→legacy, 0.5 KB, 1 in flight'],
  },
  {
    file: 'list-cpu.svg',
    bench: 'list',
    title: 'Processor time of the gateway for a list',
    figure: 'cpuUs',
    rows: (name) => name.endsWith('8 in flight'),
  },
  {
    file: 'scale-cpu.svg',
    bench: 'scale',
    title: 'Processor time of a call, by what else is connected',
    figure: 'cpuUs',
    rows: () => true,
  },
  {
    file: 'faults-p99.svg',
    bench: 'faults',
    title: 'p99 of the others while one server is broken',
    figure: 'p99Us',
    rows: () => true,
  },
];

/** Rows of a bench with the readings of one figure: name of the row to bars. */
function barsOf(readings, figure, wanted) {
  const rows = new Map();
  for (const [name, reading] of Object.entries(readings)) {
    const found = new RegExp(`^(?<row>.*)\\.(?<who>[^.]+(?:\\.[^.]+)*?)\\.${figure}$`, 'u').exec(
      name,
    );
    if (found === null) continue;
    // Sizes such as `0.5 KB` hold a point: the longest wanted row that fits is the row.
    const text = name.slice(0, -figure.length - 1);
    const row =
      typeof wanted === 'function'
        ? found.groups.row
        : wanted.find((one) => text.startsWith(`${one}.`));
    if (row === undefined || (typeof wanted === 'function' && !wanted(row))) continue;
    const label = text.slice(row.length + 1);
    const { median, min, max } = reading;
    const bars = rows.get(row) ?? [];
    bars.push({ label, value: median, range: [min, max], ours: label === 'ours' });
    rows.set(row, bars);
  }
  return [...rows].map(([name, bars]) => ({
    name,
    bars: bars.toSorted((a, b) => a.value - b.value),
  }));
}

function plotOf({ bench, title, figure, rows }, record) {
  const readings = record.results[bench]?.readings;
  if (readings === undefined) return undefined;
  const groups = barsOf(readings, figure, rows);
  const unit = Object.entries(readings).find(([name]) => name.endsWith(`.${figure}`))?.[1].unit;
  return groups.length === 0 ? undefined : barChart({ title, unit: unit ?? '', groups });
}

const cell = (text) => String(text).replaceAll('|', '\\|');

const line = (cells) => `| ${cells.map(cell).join(' | ')} |`;

function table(headings, rows) {
  return [line(headings), line(headings.map(() => '---')), ...rows.map(line)].join('\n');
}

function runLine({ run }) {
  if (run === undefined) return '';
  const { cpu, cores, memoryMb, system } = run.machine;
  const changed = run.uncommittedChanges ? ', with uncommitted changes' : '';
  return (
    `Taken ${run.takenAt.slice(0, 10)} at commit ${String(run.commit).slice(0, 10)}${changed}, ${cores} cores of ${cpu}, ` +
    `${Math.round(memoryMb / 1024)} GB, ${system}, Node ${run.versions.node}` +
    `${run.seconds === undefined ? '' : `, in ${run.seconds} s`}.`
  );
}

function section(name, result, pictures) {
  const { method, tables, targets, notes = [], commands = {} } = result;
  const met = targets.map(({ what, wanted, measured, met: good }) => [
    what,
    wanted,
    measured,
    good ? 'yes' : 'no',
  ]);
  const listed = [
    ...notes.map((note) => `- ${note}`),
    ...Object.entries(commands).map(([who, command]) => `- ${who}: \`${command}\``),
  ];
  return [
    `## ${name}`,
    method,
    runLine(result),
    ...(met.length > 0 ? [table(['asked', 'wanted', 'measured', 'met'], met)] : []),
    ...pictures.map(({ file, title }) => `![${title}](benchmarks/${file})`),
    ...tables.flatMap(({ title, headings, rows }) => [
      `<details><summary>${title}</summary>`,
      table(headings, rows),
      '</details>',
    ]),
    ...(listed.length > 0 ? [listed.join('\n')] : []),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function budgetSection(record, { limits }) {
  const readings = record.results.budget?.readings;
  if (readings === undefined) return [];
  const rows = Object.entries(limits).flatMap(([what, figures]) =>
    Object.entries(figures).map(([figure, limit]) => {
      const measured = readings[`${what}.${figure}`]?.median;
      const text = measured === undefined ? '-' : measured.toFixed(4);
      return [
        what,
        figure.replace('Ms', ''),
        String(limit),
        text,
        measured <= limit ? 'yes' : 'no',
      ];
    }),
  );
  return [`## Budgets (S3-17)\n\n${table(['what', '', 'limit ms', 'measured ms', 'met'], rows)}`];
}

const introduction = `# Benchmarks

Written by \`pnpm bench:docs\` from \`bench/baseline/main_latest.json\`; do not edit.

- \`pnpm bench\` runs all of it, \`pnpm bench call list\` only these; records go to \`bench/results\`. Each bench is a process that
  is ended, with all it has started, when it takes longer than \`--limit\` seconds (600, \`call\` 2,400); then it has failed, and the others
  go on. A run that is interrupted keeps what is done.
- \`pnpm bench:compare <record>\` fails when a record is worse than the baseline by more than 10 % and the noise of both, misses a
  target, or is over a budget of \`bench/budgets.json\`. Ours are compared as ratios to the bare proxy, relay or server of the
  same row, round by round, which is what survives a change of machine. Noise is one and a half standard errors of the medians'
  difference, from the quartiles of the rounds, at most 25 %.
- \`pnpm bench:peers\` installs other gateways into a cache outside the workspace and runs the rows they can run.
- \`pnpm run profile call\` says where the time goes, with a flame graph.

Load, gateway and servers are processes of their own on one machine, the gateway on a core of its own where the system lets
us. What is compared runs in turn, in rounds, so that what the machine does meanwhile meets all alike; rounds during
which others took more than 0.3 cores are left out, but for the three least disturbed. Figures are medians with the
lowest and highest. Processor time is the process's own account; absolute times move with the machine, ratios within a
row do not. On a machine with two cores load and servers share one, so that latencies at many in flight are those of a full
machine; which rows these are is said below them, from how busy that core was. The closed loop keeps as many requests in flight as its row says: a slower subject is asked less often, and pays
for waking its peers more often. The cost of the load itself is a column.`;

function generated() {
  const record = readRecord(values.record);
  const files = new Map();
  const drawn = plots.flatMap((plot) => {
    const svg = plotOf(plot, record);
    if (svg === undefined) return [];
    files.set(join(pages, 'benchmarks', plot.file), svg);
    return [plot];
  });
  const budgets = JSON.parse(readFileSync(budgetsFile, 'utf8'));
  const sections = Object.entries(record.results).map(([name, result]) =>
    section(
      name,
      result,
      drawn.filter(({ bench }) => bench === name),
    ),
  );
  const text = [introduction, ...budgetSection(record, budgets), ...sections].join('\n\n');
  files.set(join(pages, 'benchmarks.md'), `${text}\n`);
  if (values.out === undefined) {
    const folder = join(root, hotPathTask);
    const batonFile = join(folder, 'baton.v1.json');
    const baton = refreshedBaton(JSON.parse(readFileSync(batonFile, 'utf8')), record);
    const source = relative(root, resolve(values.record));
    files.set(batonFile, JSON.stringify(baton));
    files.set(
      join(folder, 'verification', 'targets.json'),
      JSON.stringify(targetsOf(record, source)),
    );
  }
  return files;
}

/** As the formatter leaves it, so that the check of formats agrees. */
function formatted(file, text) {
  return execFileSync('oxfmt', ['--stdin-filepath', basename(file)], {
    cwd: join(root, 'docs'),
    input: text,
    encoding: 'utf8',
    env: workspaceEnv(),
  });
}

let stale = 0;
for (const [file, text] of generated()) {
  const wanted = /\.(?:md|json)$/u.test(file) ? formatted(file, text) : text;
  if (existsSync(file) && readFileSync(file, 'utf8') === wanted) continue;
  stale += 1;
  if (values.check)
    print(`${relative(root, file)} is not what the record gives; run: pnpm bench:docs`);
  else {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, wanted);
    print(`wrote ${relative(root, file)}`);
  }
}
if (values.check && stale > 0) process.exitCode = 1;
