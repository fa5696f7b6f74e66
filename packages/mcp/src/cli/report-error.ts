import { ConfigError } from '../config/config-error.ts';
import { CallError } from './call-error.ts';
import type { CliIo } from './cli-io.ts';
import { UsageError } from './command.ts';
import { EXIT_FAILED, EXIT_USAGE } from './exit-code.ts';
import { createPaint, safeText } from './terminal-text.ts';

/** What `--json` prints as `error`. */
interface ReportedError {
  /** One that `cortex-mcp explain` knows. */
  readonly code: string;
  readonly message: string;
  /** What to do, of this error or of its code. */
  readonly remedy: string;
  readonly docs: string;
  /** Of a connector that failed. */
  readonly connector?: string;
  readonly phase?: string;
}

function textOf(error: unknown, name: string): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const value: unknown = Reflect.get(error, name);
  return typeof value === 'string' ? value : undefined;
}

/** Codes that an error may go by, the most telling first. The last one is always known. */
function codesOf(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return ['INTERNAL'];
  const own = textOf(error, 'code');
  if (error instanceof CallError) return [error.code, error.rpcCode ?? '', 'CALL_FAILED'];
  const codes = own === undefined ? [] : [own];
  if (error.name === 'TimeoutError') codes.push('TIMEOUT');
  if (error.name === 'AbortError') codes.push('CANCELLED');
  // `syscall` is of the system, the prefix of undici: a refused connection, a broken pipe.
  const isOutside = textOf(error, 'syscall') !== undefined || own?.startsWith('UND_ERR_') === true;
  return [...codes, isOutside ? 'SYSTEM_ERROR' : 'INTERNAL'];
}

/** Where it went wrong, when it was at a connector. */
function placeOf(error: unknown): Pick<ReportedError, 'connector' | 'phase'> {
  const connector = textOf(error, 'connector');
  const phase = textOf(error, 'phase');
  return { ...(connector !== undefined && { connector }), ...(phase !== undefined && { phase }) };
}

async function describe(error: unknown): Promise<ReportedError> {
  const { anchorOf, findError } = await import('../protocol/errors/all-errors.ts');
  const message = safeText(error instanceof Error ? error.message : String(error));
  const known = codesOf(error)
    .map(findError)
    .find((one) => one !== undefined);
  const code = known?.name ?? 'INTERNAL';
  return {
    code,
    message: message === '' ? code : message,
    remedy: safeText(textOf(error, 'remedy') ?? known?.facts.remedy ?? ''),
    docs: `docs/errors.md#${anchorOf(code)}`,
    ...placeOf(error),
  };
}

/**
 * Says on stderr what is wrong, with its code, and what to do: within the line where the message has it, else below.
 * With `json` the same is one object on stdout. The stack is for `MCP_LOG_LEVEL=debug` and below.
 * @returns the exit code.
 */
export async function reportError(error: unknown, io: CliIo, json: boolean): Promise<number> {
  const paint = createPaint({ env: io.env, isTty: io.stderrIsTty });
  const reported = await describe(error);
  const { code, message, remedy } = reported;
  const shownCode = message.includes(code) ? '' : ` (${code})`;
  io.stderr.write(`${paint('red', 'cortex-mcp')}: ${message}${shownCode}\n`);
  if (!message.includes(remedy)) {
    io.stderr.write(`Do: ${remedy} (cortex-mcp explain ${code})\n`);
  }
  if (json) io.stdout.write(`${JSON.stringify({ error: reported })}\n`);
  if (error instanceof UsageError || error instanceof ConfigError) return EXIT_USAGE;
  const level = io.env['MCP_LOG_LEVEL'];
  if (error instanceof Error && (level === 'debug' || level === 'trace')) {
    io.stderr.write(`${error.stack ?? ''}\n`);
  }
  return EXIT_FAILED;
}
