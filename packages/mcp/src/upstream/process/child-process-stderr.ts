import { createLineReader } from '../stdio/line-reader.ts';

const TAIL_BYTES = 8192;
const MAX_LINE_BYTES = 4096;
const MAX_SHOWN_CHARS = 300;

export interface StderrTail {
  push(chunk: Buffer): void;
  end(): void;
  /** The last lines, at most 8 KiB. */
  text(): string;
  /** The last line that says something, fit for an error message: no control characters, at most 300 characters. */
  lastLine(): string | undefined;
}

/** One line of a program's output as one line of ours: colour codes and control characters removed. */
function readable(line: string): string {
  return (
    line
      // oxlint-disable-next-line no-control-regex -- terminal control sequences are what is removed
      .replaceAll(/\u001b\[[0-9;?]*[ -/]*[@-~]/g, '')
      // oxlint-disable-next-line no-control-regex -- and whatever control characters are left
      .replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')
      .trim()
      .slice(0, MAX_SHOWN_CHARS)
  );
}

/**
 * Drains a child's stderr: remembers its end, hands every line (cut at 4 KiB) to `onLine`.
 * @param hide takes what must not be shown out of a line. Default: nothing.
 */
export function createStderrTail(
  onLine: (line: string) => void,
  hide: (line: string) => string = String,
): StderrTail {
  const lines: string[] = [];
  let chars = 0;
  function keep(said: string): void {
    const line = hide(said);
    lines.push(line);
    chars += line.length + 1;
    while (chars > TAIL_BYTES && lines.length > 1) chars -= (lines.shift()?.length ?? 0) + 1;
    onLine(line);
  }
  const reader = createLineReader({ maxLineBytes: MAX_LINE_BYTES, onLine: keep, onTooLong: keep });
  return {
    push: (chunk) => reader.push(chunk),
    end: () => reader.end(),
    text: () => lines.join('\n'),
    lastLine: () =>
      lines.map(readable).findLast((line) => line !== '' && !/^(at |Node\.js v)/.test(line)),
  };
}
