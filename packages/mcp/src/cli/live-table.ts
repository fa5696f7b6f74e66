import { stripVTControlCharacters } from 'node:util';
import type { CliIo, Output } from './cli-io.ts';

/** Lines at the bottom of a terminal that are drawn again in place. */
export interface LiveTable {
  /** The io for everything else: what is written there appears above the lines. */
  readonly io: CliIo;
  /** Rows that fit; more are cut off. */
  rows(): number;
  /** Shows these lines in place of those before. */
  draw(lines: readonly string[]): void;
  /** Takes the lines away. The cursor stands where they began; drawing again starts there. */
  clear(): void;
}

const ESC = '\u001B[';
/** Within one write, so that whatever ends the program leaves cursor and wrapping as they were. */
const BEGIN = `${ESC}?25l${ESC}?7l`;
const END = `${ESC}?7h${ESC}?25h`;
const ERASE_LINE_END = `${ESC}K`;
const ERASE_BELOW = `${ESC}J`;

/** A shorter terminal has no room for a table, and what says nothing of its size is none. */
const MIN_ROWS = 5;
const MIN_COLUMNS = 20;

function canDraw({ isTty, env, rows = 0, columns = 0 }: CliIo): boolean {
  const { TERM: term } = env;
  return isTty && term !== 'dumb' && rows >= MIN_ROWS && columns >= MIN_COLUMNS;
}

class TerminalTable implements LiveTable {
  readonly io: CliIo;
  readonly #target: CliIo;
  #lines: readonly string[] = [];
  /** The width for which the lines were drawn. */
  #columns = 0;

  constructor(target: CliIo) {
    this.#target = target;
    const over = (output: Output): Output => ({
      write: (text) => this.#writeAbove(output, text),
      get unread() {
        return output.unread ?? 0;
      },
      abandon: () => output.abandon?.(),
    });
    this.io = {
      ...target,
      stdout: over(target.stdout),
      // A log in a file disturbs no lines.
      stderr: target.stderrIsTty ? over(target.stderr) : target.stderr,
      get columns() {
        return target.columns;
      },
      get rows() {
        return target.rows;
      },
    };
  }

  rows(): number {
    // The last row stays free for the cursor.
    return Math.max(1, (this.#target.rows ?? MIN_ROWS) - 1);
  }

  draw(lines: readonly string[]): void {
    const next = lines.slice(0, this.rows());
    const text = next.map((line) => `${line}${ERASE_LINE_END}\n`).join('');
    this.#target.stdout.write(`${BEGIN}${this.#toTop()}${text}${ERASE_BELOW}${END}`);
    this.#lines = next;
    this.#columns = this.#target.columns ?? 0;
  }

  clear(): void {
    if (this.#lines.length === 0) return;
    this.#target.stdout.write(`${this.#toTop()}${ERASE_BELOW}`);
    this.#lines = [];
  }

  #writeAbove(output: Output, text: string): unknown {
    if (this.#lines.length === 0) return output.write(text);
    const lines = this.#lines;
    this.clear();
    const written = output.write(text.endsWith('\n') ? text : `${text}\n`);
    this.draw(lines);
    return written;
  }

  /** Terminals break lines anew when they become narrower. */
  #toTop(): string {
    const columns = this.#target.columns ?? 0;
    const rows = this.#lines.reduce((sum, line) => {
      const width = Math.min(stripVTControlCharacters(line).length, this.#columns);
      return sum + (columns > 0 ? Math.max(1, Math.ceil(width / columns)) : 1);
    }, 0);
    return rows === 0 ? '\r' : `\r${ESC}${rows}A`;
  }
}

/** Lines that are drawn in place; undefined where they cannot be: no terminal, `TERM=dumb`, or too small. */
export function openLiveTable(io: CliIo): LiveTable | undefined {
  return canDraw(io) ? new TerminalTable(io) : undefined;
}
