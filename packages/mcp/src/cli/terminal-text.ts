import { stripVTControlCharacters, styleText } from 'node:util';
import type { CliIo } from './cli-io.ts';

export type Colour = 'bold' | 'dim' | 'green' | 'yellow' | 'red' | 'cyan';
export type Paint = (colour: Colour, text: string) => string;

/** Colours on a terminal only, and not with NO_COLOR (no-color.org) or on a dumb one. */
export function createPaint(io: Pick<CliIo, 'env' | 'isTty'>): Paint {
  const { NO_COLOR: noColour, TERM: term } = io.env;
  const plain = !io.isTty || (noColour !== undefined && noColour !== '') || term === 'dumb';
  return (colour, text) => (plain ? text : styleText(colour, text, { validateStream: false }));
}

/** Text of a server with its lines, unable to steer the terminal: control characters but tab and newline go. */
export function safeLines(text: string): string {
  return stripVTControlCharacters(text).replaceAll(/[^\P{Cc}\t\n]/gu, '');
}

/** As `safeLines`, on one line. */
export function safeText(text: string): string {
  return stripVTControlCharacters(text)
    .replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .trim();
}

/** `12 ms`, `1.4 s`; a dash when there is none. */
export function formatMs(durationMs: number | undefined): string {
  if (durationMs === undefined) return '-';
  return durationMs < 1000 ? `${Math.round(durationMs)} ms` : `${(durationMs / 1000).toFixed(1)} s`;
}

/** One cell; the colour does not count for the width. */
export interface Cell {
  readonly text: string;
  readonly colour?: Colour | undefined;
  readonly align?: 'right';
}

function fit(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

/** Columns under headings. With `columns` known, the last one is cut to fit a line. */
export function table(
  headings: readonly string[],
  rows: readonly (readonly Cell[])[],
  style: { readonly paint: Paint; readonly columns: number | undefined },
): string {
  const head = headings.map((text): Cell => ({ text, colour: 'dim' }));
  const all = [head, ...rows];
  const widths = headings.map((_, column) =>
    Math.max(...all.map((row) => row[column]?.text.length ?? 0)),
  );
  const last = headings.length - 1;
  const before = widths.slice(0, last).reduce((sum, width) => sum + width + 2, 0);
  const room = style.columns === undefined ? Infinity : Math.max(12, style.columns - before - 1);
  const lines = all.map((row) =>
    row
      .map((cell, column) => {
        const text = column === last ? fit(cell.text, room) : cell.text;
        const width = widths[column] ?? 0;
        const blanks = ' '.repeat(Math.max(0, column === last ? 0 : width - text.length));
        const painted = cell.colour === undefined ? text : style.paint(cell.colour, text);
        return cell.align === 'right' ? blanks + painted : painted + blanks;
      })
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}
