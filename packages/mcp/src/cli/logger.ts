import { createRequire } from 'node:module';
import { type Logger, pino } from 'pino';
import type pinoPretty from 'pino-pretty';
import type { LogLevel } from '../config/config-schema.ts';
import type { Tracing } from '../observability/tracing.ts';
import type { CliIo } from './cli-io.ts';
import { safeLogLine, safeLogRecord } from './log-line.ts';

/**
 * Logs to stderr: JSON lines, or readable ones on a terminal.
 * @param tracing lines carry the ids of the span they belong to. Default: they have none.
 */
export function createLogger(
  level: LogLevel,
  io: Pick<CliIo, 'stderr' | 'stderrIsTty' | 'env'>,
  tracing?: Pick<Tracing, 'ids'>,
): Logger {
  const options = { level, ...(tracing && { mixin: () => tracing.ids() ?? {} }) };
  if (!io.stderrIsTty)
    return pino(options, { write: (line) => void io.stderr.write(safeLogLine(line)) });
  const noColour = io.env['NO_COLOR'] ?? '';
  // Loaded for a terminal only: it takes a tenth of the time of a start.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what `require` returns has no type
  const pretty = createRequire(import.meta.url)('pino-pretty') as typeof pinoPretty;
  const format = pretty.prettyFactory({
    colorize: noColour === '' && io.env['TERM'] !== 'dumb',
    ignore: 'pid,hostname',
    translateTime: 'SYS:HH:MM:ss',
  });
  // Formatted here and now: a stream of its own could lose the last lines at exit.
  return pino(options, { write: (line) => void io.stderr.write(format(safeLogRecord(line))) });
}
