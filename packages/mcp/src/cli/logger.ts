import { createRequire } from 'node:module';
import { type Logger, pino } from 'pino';
import type pinoPretty from 'pino-pretty';
import type { LogLevel } from '../config/config-schema.ts';
import type { Tracing } from '../observability/tracing.ts';
import type { CliIo, Output } from './cli-io.ts';
import { safeLogLine, safeLogRecord } from './log-line.ts';

/** Bytes that a reader may leave unread; further lines are dropped, and counted, until it reads again. */
const MAX_UNREAD_BYTES = 1_048_576;
/** How pino writes `warn`. */
const WARN = 40;

/** A pipe that nobody reads must not fill the memory. */
function createLineWriter(stderr: Output): (line: string) => void {
  let dropped = 0;
  return (line) => {
    if ((stderr.unread ?? 0) > MAX_UNREAD_BYTES) {
      dropped += 1;
      return;
    }
    if (dropped > 0) {
      const about = { level: WARN, time: Date.now(), event: 'log.dropped', dropped };
      stderr.write(
        `${JSON.stringify({ ...about, msg: 'nobody read the log: lines are missing' })}\n`,
      );
      dropped = 0;
    }
    stderr.write(safeLogLine(line));
  };
}

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
  if (!io.stderrIsTty) return pino(options, { write: createLineWriter(io.stderr) });
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
