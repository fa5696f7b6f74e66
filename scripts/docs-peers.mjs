/** The comparison that the README shows, taken out of docs/benchmarks.md: no figure of it is written by hand. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './workspace.mjs';

const cellsOf = (row) =>
  row
    .split('|')
    .slice(1, -1)
    .map((text) => text.trim());
/** `3433 (2177–6407)` without its range. */
const median = (text) => text.replace(/ \(.*\)$/, '');

/** The chapter `peers` as rows by heading, and when it was measured. */
function readPeers() {
  const text = readFileSync(join(root, 'docs', 'benchmarks.md'), 'utf8');
  const chapter = /^## peers\n(.*?)(?=^## |$(?![\s\S]))/ms.exec(text)?.[1] ?? '';
  const taken = /^Taken .*$/m.exec(chapter)?.[0];
  const versions = [...chapter.matchAll(/^- (\S+) is (\d\S*)$/gm)].map(([, who, is]) => [who, is]);
  const lines = chapter.split('\n');
  const start = lines.findIndex((line) => cellsOf(line).includes('who'));
  if (taken === undefined || start === -1) return undefined;
  const headings = cellsOf(lines[start]);
  const body = lines.slice(start + 2);
  // Other tables follow.
  const rows = body
    .slice(
      0,
      body.findIndex((line) => !line.startsWith('|')),
    )
    .map(cellsOf);
  return {
    taken,
    versions: new Map(versions),
    rows: rows.map((cells) => Object.fromEntries(headings.map((name, at) => [name, cells[at]]))),
  };
}

/** The generated part of the README. */
export function peersPart() {
  const peers = readPeers();
  if (peers === undefined) return 'Not measured yet.';
  const rows = peers.rows.map((row) => {
    const failed = !/^\d/.test(row['calls/s']);
    const version = peers.versions.get(row.who);
    const figures = failed
      ? [row['calls/s'], '', '']
      : [median(row['calls/s']), median(row['cpu µs/call']), median(row['p50 µs'])];
    return [row.load, version === undefined ? row.who : `${row.who} ${version}`, ...figures];
  });
  const table = [['asked', 'gateway', 'a second', 'cpu µs each', 'median µs'], ...rows].map(
    (cells) => `| ${cells.join(' | ')} |`,
  );
  return [table[0], '| --- | --- | ---: | ---: | ---: |', ...table.slice(1), '', peers.taken].join(
    '\n',
  );
}
