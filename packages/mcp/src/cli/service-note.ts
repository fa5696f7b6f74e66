import type { Logger } from 'pino';
import type { LogLevel } from '../config/config-schema.ts';
import type { CliIo } from './cli-io.ts';
import { createLogger } from './logger.ts';
import { createPaint } from './terminal-text.ts';

/** Something a service says that none of its parts logs. */
export interface Note {
  readonly level: 'info' | 'warn';
  /** Stable, for those who read the log with a program. */
  readonly event: string;
  readonly text: string;
  /** The code of what went wrong. */
  readonly code?: string | undefined;
  /** The line for people. Default: the text, after `warning:` where it is a warning. */
  readonly plain?: string;
}

/** Says it: to the log where `withNotes` has put one, else as a line on stderr. */
export function sayNote(
  io: Pick<CliIo, 'say' | 'stderr' | 'stderrIsTty' | 'env'>,
  note: Note,
): void {
  if (io.say !== undefined) {
    io.say(note);
    return;
  }
  const paint = createPaint({ env: io.env, isTty: io.stderrIsTty });
  const start = note.level === 'warn' ? `${paint('yellow', 'warning')}: ` : '';
  io.stderr.write(`${note.plain ?? start + note.text}\n`);
}

/**
 * Where stderr is no terminal, what a service says goes into its log, so that every line there is one JSON object.
 * @param level the least severe one that is logged. Default: `info`, while the configuration is not known.
 */
export function withNotes(io: CliIo, level: LogLevel = 'info'): CliIo {
  if (io.stderrIsTty) return io;
  let logger: Logger | undefined;
  return {
    ...io,
    // Windows change their size.
    get columns() {
      return io.columns;
    },
    get rows() {
      return io.rows;
    },
    say: ({ level: severity, event, text, code }) => {
      logger ??= createLogger(level, io);
      logger[severity]({ event, ...(code !== undefined && { code }) }, text);
    },
  };
}
