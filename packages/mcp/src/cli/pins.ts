import { join } from 'node:path';
import { stateFolder } from '../config/locate-config.ts';
import { nearest } from '../config/nearest.ts';
import {
  approve,
  pendingOf,
  type ConnectorPins,
  type PendingTool,
  type PinBook,
} from '../pins/pin-book.ts';
import { PinStore } from '../pins/pin-store.ts';
import { CommandError } from '../protocol/command-error.ts';
import { type Command, type CommandContext, UsageError } from './command.ts';
import { EXIT_FAILED, EXIT_OK } from './exit-code.ts';
import { diffLines, shownDefinition } from './pins-diff.ts';
import { printResult } from './print-result.ts';
import { type Cell, createPaint, safeText, table } from './terminal-text.ts';

function storeOf({ io }: CommandContext): PinStore {
  const folder = stateFolder({ flag: undefined, env: io.env, cwd: io.cwd, home: io.home }).value;
  return new PinStore(join(folder, 'pins.json'));
}

/** The pins as they are now. @throws Error when they cannot be read. */
async function readBook(context: CommandContext): Promise<PinBook> {
  const store = storeOf(context);
  await store.load();
  const { io } = context;
  if (store.state.kind === 'unreadable') {
    throw new CommandError('PINS_UNREADABLE', `${store.path} cannot be used: ${store.state.why}`);
  }
  if (store.book.lost !== undefined) {
    io.stderr.write(
      `warning: earlier pins were damaged (${store.book.lost}); nothing is trusted until cortex-mcp pins approve --all\n`,
    );
  }
  return store.book;
}

function required(book: PinBook, id: string): ConnectorPins {
  const pins = book.connectors.get(id);
  if (pins !== undefined) return pins;
  const meant = nearest(id, book.connectors.keys());
  const hint = meant === undefined ? 'see cortex-mcp pins list' : `did you mean ${meant}?`;
  throw new UsageError(
    `nothing is pinned of a connector ${JSON.stringify(id)}`,
    'CONNECTOR_UNKNOWN',
    hint,
  );
}

function allPending(book: PinBook, connector: string | undefined): readonly PendingTool[] {
  const chosen =
    connector === undefined ? book.connectors : [[connector, required(book, connector)] as const];
  return [...chosen].flatMap(([id, pins]) => pendingOf(id, pins));
}

interface PinRow {
  readonly connector: string;
  readonly tool: string;
  readonly state: 'approved' | PendingTool['change'];
  readonly since: string;
  readonly hash: string | undefined;
}

function rowsOf(book: PinBook, connector: string | undefined): readonly PinRow[] {
  const pending = allPending(book, connector);
  const waiting = new Set(pending.map((one) => `${one.connector} ${one.tool}`));
  const approved = [...book.connectors].flatMap(([id, { tools }]) =>
    connector !== undefined && id !== connector
      ? []
      : [...tools].flatMap(([tool, pin]): PinRow[] => {
          if (pin.approved === undefined || waiting.has(`${id} ${tool}`)) return [];
          const { hash, at } = pin.approved;
          return [{ connector: id, tool, state: 'approved', since: at, hash }];
        }),
  );
  return [
    ...pending.map(({ connector: id, tool, change, since, hash }) => ({
      connector: id,
      tool,
      state: change,
      since,
      hash,
    })),
    ...approved,
  ];
}

async function list(context: CommandContext): Promise<number> {
  const { io, json, args } = context;
  const [connector] = args;
  const book = await readBook(context);
  const rows = rowsOf(book, connector);
  if (json) {
    io.stdout.write(`${JSON.stringify(rows, undefined, 2)}\n`);
    return EXIT_OK;
  }
  if (rows.length === 0) {
    io.stdout.write('nothing is pinned yet; a gateway that runs does it\n');
    return EXIT_OK;
  }
  const cells = rows.map((row): Cell[] => [
    { text: row.connector },
    { text: safeText(row.tool) },
    { text: row.state, colour: row.state === 'approved' ? 'green' : 'yellow' },
    { text: row.hash?.slice(0, 12) ?? '-' },
    { text: row.since },
  ]);
  const style = { paint: createPaint(io), columns: io.columns };
  io.stdout.write(table(['CONNECTOR', 'TOOL', 'STATE', 'HASH', 'SINCE'], cells, style));
  for (const [id, { seenServer }] of book.connectors) {
    if (seenServer === undefined || (connector !== undefined && id !== connector)) continue;
    io.stdout.write(`${id}: another server than the one that was approved\n`);
  }
  return EXIT_OK;
}

async function diff(context: CommandContext): Promise<number> {
  const { io, json, args } = context;
  const [connector, tool] = args;
  const book = await readBook(context);
  const pending = allPending(book, connector).filter(
    (one) => tool === undefined || one.tool === tool,
  );
  const changes = pending.map((one) => {
    const pin = book.connectors.get(one.connector)?.tools.get(one.tool);
    const { connector: id, tool: name, change, since, hash } = one;
    const [approved, offered] = [pin?.approved?.text, pin?.seen?.text];
    return { connector: id, tool: name, change, since, hash, approved, offered };
  });
  if (json) {
    io.stdout.write(`${JSON.stringify(changes, undefined, 2)}\n`);
    return EXIT_OK;
  }
  const paint = createPaint(io);
  for (const { connector: id, tool: name, change, approved, offered, hash } of changes) {
    const title = `${id} ${safeText(name)}: ${change}${hash === undefined ? '' : ` (${hash.slice(0, 12)})`}`;
    io.stdout.write(`${paint('bold', title)}\n`);
    const lines = diffLines(shownDefinition(approved), shownDefinition(offered));
    for (const line of lines) {
      const colour = line.startsWith('-') ? 'red' : line.startsWith('+') ? 'green' : 'dim';
      io.stdout.write(`${paint(colour, line)}\n`);
    }
    io.stdout.write('\n');
  }
  if (changes.length === 0) io.stdout.write('every tool is as it was approved\n');
  return EXIT_OK;
}

async function approveTools(context: CommandContext): Promise<number> {
  const { io, args, options } = context;
  const [connector, tool] = args;
  const all = options.has('all');
  if (all === (connector !== undefined)) {
    throw new UsageError('name a connector, or give --all');
  }
  const book = await readBook(context);
  if (connector !== undefined && tool !== undefined) {
    if (!required(book, connector).tools.has(tool)) {
      throw new UsageError(
        `${connector} has no tool ${JSON.stringify(tool)}`,
        'TOOL_UNKNOWN',
        `see cortex-mcp pins list ${connector}`,
      );
    }
  } else if (connector !== undefined) required(book, connector);
  const approved: { connector: string; tool: string; hash: string }[] = [];
  await storeOf(context).change((current) => {
    const now = new Date().toISOString();
    const ids = connector === undefined ? [...current.connectors.keys()] : [connector];
    for (const id of ids) {
      for (const name of approve(current, id, tool, now)) {
        const hash =
          current.connectors.get(id)?.tools.get(name)?.approved?.hash.slice(0, 12) ?? 'gone';
        approved.push({ connector: id, tool: name, hash });
      }
    }
    if (all) current.lost = undefined;
    return true;
  });
  const lines = approved.map(
    (one) => `approved ${one.connector} ${safeText(one.tool)} (${one.hash})\n`,
  );
  printResult(context, { approved }, lines.length === 0 ? 'nothing was waiting\n' : lines.join(''));
  if (tool !== undefined && required(book, connector ?? '').seenServer !== undefined) {
    io.stderr.write(
      `warning: another server stands behind ${connector}; approve all of it to trust that one\n`,
    );
    return EXIT_FAILED;
  }
  return EXIT_OK;
}

export const pinsListCommand: Command = {
  name: 'pins list',
  argumentsUsage: '[connector]',
  minArguments: 0,
  maxArguments: 1,
  options: ['json'],
  summary: 'List tool definitions and whether they are approved',
  details: ['What waits for approval stands first: changed, new, removed.'],
  example: 'cortex-mcp pins list github',
  run: list,
};

export const pinsDiffCommand: Command = {
  name: 'pins diff',
  argumentsUsage: '[connector] [tool]',
  minArguments: 0,
  maxArguments: 2,
  options: ['json'],
  summary: 'Show how tools differ from what was approved',
  details: ['Characters that nobody sees are shown as <U+200B>.'],
  example: 'cortex-mcp pins diff github create_issue',
  run: diff,
};

export const pinsApproveCommand: Command = {
  name: 'pins approve',
  argumentsUsage: '[connector] [tool]',
  minArguments: 0,
  maxArguments: 2,
  options: ['all', 'json'],
  summary: 'Approve tools as they are now',
  details: [
    'One tool, a connector, or everything with --all. What is approved is what pins diff shows. A running',
    'gateway takes it up within a second or two.',
  ],
  example: 'cortex-mcp pins approve github',
  run: approveTools,
};
