import { nearest } from '../config/nearest.ts';
import type * as errorTables from '../protocol/errors/all-errors.ts';
import type { CliIo } from './cli-io.ts';
import { type Command, type CommandContext, UsageError } from './command.ts';
import { EXIT_OK } from './exit-code.ts';
import { createPaint, safeText } from './terminal-text.ts';

type Errors = typeof errorTables;

function showAll({ io, json }: CommandContext, { ALL_ERRORS }: Errors): void {
  if (json) {
    const rows = ALL_ERRORS.flatMap(({ title, codes }) =>
      Object.entries(codes).map(([code, { meaning, causes, remedy }]) => ({
        code,
        group: title,
        meaning,
        causes,
        remedy,
      })),
    );
    io.stdout.write(`${JSON.stringify(rows, undefined, 2)}\n`);
    return;
  }
  const paint = createPaint(io);
  for (const { title, codes } of ALL_ERRORS) {
    io.stdout.write(`${paint('bold', title)}\n  ${Object.keys(codes).join(', ')}\n`);
  }
}

function showOne(code: string, context: CommandContext, errors: Errors): void {
  const found = errors.findError(code);
  if (found === undefined) {
    const known = errors.ALL_ERRORS.flatMap(({ codes }) => Object.keys(codes));
    const meant = nearest(code.toUpperCase(), known);
    const hint = meant === undefined ? 'cortex-mcp explain lists them' : `did you mean ${meant}?`;
    throw new UsageError(`there is no code "${safeText(code)}"`, 'CODE_UNKNOWN', hint);
  }
  const { io } = context;
  const { name, facts } = found;
  if (context.json) {
    io.stdout.write(
      `${JSON.stringify({ code: name, ...facts, docs: `docs/errors.md#${errors.anchorOf(name)}` }, undefined, 2)}\n`,
    );
    return;
  }
  writeFacts(io, name, [
    facts.meaning,
    '',
    'Usually:',
    ...facts.causes.map((cause) => `  - ${cause}`),
    '',
    `Do: ${facts.remedy}`,
  ]);
}

function writeFacts(io: CliIo, name: string, lines: readonly string[]): void {
  io.stdout.write(`${createPaint(io)('bold', name)}\n${lines.join('\n')}\n`);
}

async function explain(context: CommandContext): Promise<number> {
  const errors = await import('../protocol/errors/all-errors.ts');
  const [code] = context.args;
  if (code === undefined) showAll(context, errors);
  else showOne(code, context, errors);
  return EXIT_OK;
}

export const explainCommand: Command = {
  name: 'explain',
  argumentsUsage: '[code]',
  minArguments: 0,
  maxArguments: 1,
  options: ['json'],
  summary: 'Explain an error code: what it means and what to do',
  details: [
    'Codes stand in /status, in error.data.code of calls, in the log and on stderr; exit codes and the',
    'numbers of JSON-RPC, without their minus, are known too. Without a code all are listed.',
  ],
  example: 'cortex-mcp explain SPAWN_FAILED',
  run: explain,
};
