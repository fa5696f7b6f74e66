import { type Logger, pino } from 'pino';
import { prettyFactory } from 'pino-pretty';
import type { LogLevel } from '../config/config-schema.ts';
import type { CliIo } from './cli-io.ts';

/** Logs to stderr: JSON lines, or readable ones on a terminal. */
export function createLogger(
  level: LogLevel,
  io: Pick<CliIo, 'stderr' | 'stderrIsTty' | 'env'>,
): Logger {
  if (!io.stderrIsTty) return pino({ level }, { write: (line) => void io.stderr.write(line) });
  const noColour = io.env['NO_COLOR'] ?? '';
  const format = prettyFactory({
    colorize: noColour === '' && io.env['TERM'] !== 'dumb',
    ignore: 'pid,hostname',
    translateTime: 'SYS:HH:MM:ss',
  });
  // Formatted here and now: a stream of its own could lose the last lines at exit.
  return pino({ level }, { write: (line) => void io.stderr.write(format(line)) });
}
