import { join } from 'node:path';
import { AUDIT_OUTCOMES } from '../audit/audit-line.ts';
import { queryAudit, type ReadRecord } from '../audit/audit-reader.ts';
import { stateFolder } from '../config/locate-config.ts';
import { type Command, type CommandContext, UsageError } from './command.ts';
import { EXIT_OK } from './exit-code.ts';
import { type Cell, createPaint, safeText, table } from './terminal-text.ts';

const MAX_LIMIT = 1_000_000;

function limitOf({ options }: CommandContext, standard: number): number {
  const given = options.text('limit');
  const limit = Number(given ?? standard);
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new UsageError(`--limit must be a whole number from 1 to ${MAX_LIMIT}`);
}

/** `2026-11-21T08:00:00Z`, or `15m`, `2h`, `7d` ago. */
function sinceOf({ options }: CommandContext): number | undefined {
  const given = options.text('since');
  if (given === undefined) return undefined;
  const ago = /^(\d{1,6})([smhd])$/.exec(given);
  const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[ago?.[2] ?? ''];
  const atMs = unitMs === undefined ? Date.parse(given) : Date.now() - Number(ago?.[1]) * unitMs;
  if (!Number.isNaN(atMs)) return atMs;
  throw new UsageError('--since must be a date and time, or a time ago such as 15m, 2h or 7d');
}

function outcomeOf({ options }: CommandContext): string | undefined {
  const given = options.text('outcome');
  if (given === undefined || AUDIT_OUTCOMES.some((one) => one === given)) return given;
  throw new UsageError(`--outcome must be one of ${AUDIT_OUTCOMES.join(', ')}`);
}

function cellsOf(record: ReadRecord): Cell[] {
  const text = (key: string): string => {
    const value = record[key];
    if (value === undefined) return '-';
    return safeText(typeof value === 'string' ? value : JSON.stringify(value));
  };
  const outcome = 'event' in record ? text('event') : text('outcome');
  const what = 'event' in record ? text('detail') : text('name');
  return [
    { text: text('ts') },
    { text: outcome, colour: outcome === 'ok' ? 'green' : 'yellow' },
    { text: text('code') },
    { text: text('ms'), align: 'right' },
    { text: text('principal') },
    { text: text('connector') },
    { text: what },
  ];
}

async function show(context: CommandContext, standardLimit: number): Promise<number> {
  const { io, json, args, options } = context;
  const folder = stateFolder({ flag: undefined, env: io.env, cwd: io.cwd, home: io.home }).value;
  const records = await queryAudit(join(folder, 'audit.jsonl'), {
    connector: options.text('connector'),
    outcome: outcomeOf(context),
    sinceMs: sinceOf(context),
    text: args[0],
    limit: limitOf(context, standardLimit),
  });
  if (json) {
    for (const record of records) io.stdout.write(`${JSON.stringify(record)}\n`);
  } else if (records.length === 0) {
    io.stdout.write('no records\n');
  } else {
    const headings = ['TIME', 'OUTCOME', 'CODE', 'MS', 'PRINCIPAL', 'CONNECTOR', 'NAME'];
    const style = { paint: createPaint(io), columns: io.columns };
    io.stdout.write(table(headings, records.map(cellsOf), style));
  }
  return EXIT_OK;
}

const options = ['connector', 'outcome', 'since', 'limit', 'json'] as const;

export const auditTailCommand: Command = {
  name: 'audit tail',
  argumentsUsage: '',
  minArguments: 0,
  maxArguments: 0,
  options,
  summary: 'Show the last calls of the audit log',
  details: [
    'The last 20, or --limit; --outcome is one of ok, error, timeout, failed, cancelled, unavailable,',
    'unknown, denied, refused. --since takes a date and time, or 15m, 2h, 7d. --json prints one record a line.',
  ],
  example: 'cortex-mcp audit tail --connector github --outcome failed --since 2h',
  run: async (context) => await show(context, 20),
};

export const auditSearchCommand: Command = {
  name: 'audit search',
  argumentsUsage: '<text>',
  minArguments: 1,
  maxArguments: 1,
  options,
  summary: 'Find calls in the audit log',
  details: [
    'By a text in any field: a tool, a principal, a trace id, a digest. Files put aside are searched too.',
  ],
  example: 'cortex-mcp audit search 0af7651916cd43dd8448eb211c80319c --json',
  run: async (context) => await show(context, 1_000),
};
