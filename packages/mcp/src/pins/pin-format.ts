import type { ConnectorPins, KeptDefinition, PinBook, ToolPin } from './pin-book.ts';

/** Of the file; one that names another is not touched. */
const FORMAT = 1;

/** Thrown when a file is no book of pins; `code` is stable. */
export class PinFormatError extends Error {
  readonly code: 'PINS_DAMAGED' | 'PINS_NEWER';
  constructor(code: PinFormatError['code'], message: string) {
    super(message);
    this.name = 'PinFormatError';
    this.code = code;
  }
}

function damaged(why: string): PinFormatError {
  return new PinFormatError('PINS_DAMAGED', why);
}

type Fields = Readonly<Record<string, unknown>>;

function fields(value: unknown, what: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw damaged(`${what} is no object`);
}

function text(value: unknown, what: string): string {
  if (typeof value === 'string') return value;
  throw damaged(`${what} is no text`);
}

function optionalText(value: unknown, what: string): string | undefined {
  return value === undefined ? undefined : text(value, what);
}

function readKept(value: unknown): KeptDefinition | undefined {
  if (value === undefined) return undefined;
  const { hash, at, by, text: own } = fields(value, 'a definition');
  if (by !== undefined && by !== 'first-use' && by !== 'operator') throw damaged('by is not known');
  const kept = optionalText(own, 'text');
  return {
    hash: text(hash, 'hash'),
    at: text(at, 'at'),
    ...(by && { by }),
    ...(kept !== undefined && { text: kept }),
  };
}

function readTool(value: unknown): readonly [string, ToolPin] {
  const { name, approved, seen, gone } = fields(value, 'a tool');
  const [kept, now] = [readKept(approved), readKept(seen)];
  const since = optionalText(gone, 'gone');
  const pin = {
    ...(kept && { approved: kept }),
    ...(now && { seen: now }),
    ...(since && { gone: since }),
  };
  return [text(name, 'name'), pin];
}

function readConnector(value: unknown): readonly [string, ConnectorPins] {
  const { id, server, seenServer, tools } = fields(value, 'a connector');
  if (!Array.isArray(tools)) throw damaged('tools is no list');
  const other = optionalText(seenServer, 'seenServer');
  const pins: ConnectorPins = {
    server: text(server, 'server'),
    ...(other !== undefined && { seenServer: other }),
    tools: new Map(tools.map(readTool)),
  };
  return [text(id, 'id'), pins];
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new PinFormatError('PINS_DAMAGED', cause instanceof Error ? cause.message : 'no JSON');
  }
}

function bookOf(head: Fields): PinBook {
  if (typeof head['format'] === 'number' && head['format'] > FORMAT) {
    throw new PinFormatError('PINS_NEWER', 'it was written by a newer version');
  }
  if (head['format'] !== FORMAT) throw damaged('it has no format');
  const lost = optionalText(head['lost'], 'lost');
  return { ...(lost !== undefined && { lost }), connectors: new Map() };
}

const HEAD = /^(\{"format":\d+(?:,"lost":"[^"\\]*")?),"connectors":\[$/;

/**
 * Reads a book of pins. As we write it, each connector stands on a line of its own, and is read on its own; written
 * anew by another program it is read as a whole.
 * @throws PinFormatError
 */
export function* decodePins(file: string): Generator<void, PinBook, void> {
  const lines = file.trimEnd().split('\n');
  const head = HEAD.exec(lines[0] ?? '')?.[1];
  if (head === undefined || lines.at(-1) !== ']}') {
    const whole = fields(parse(file), 'the file');
    const book = bookOf(whole);
    const { connectors } = whole;
    if (!Array.isArray(connectors)) throw damaged('connectors is no list');
    for (const [id, pins] of connectors.map(readConnector)) book.connectors.set(id, pins);
    return book;
  }
  const book = bookOf(fields(parse(`${head}}`), 'the file'));
  const own = lines.slice(1, -1);
  for (const [index, line] of own.entries()) {
    const isLast = index === own.length - 1;
    if (line.endsWith(',') === isLast) throw damaged('a line is missing');
    const [id, pins] = readConnector(parse(isLast ? line : line.slice(0, -1)));
    book.connectors.set(id, pins);
    yield;
  }
  return book;
}

/** A book of pins as the text of its file. Pauses after each connector. */
export function* encodePins(book: PinBook): Generator<void, string, void> {
  const lines: string[] = [];
  for (const [id, { server, seenServer, tools }] of book.connectors) {
    const list = [...tools].map(([name, { approved, seen, gone }]) => ({
      name,
      approved,
      seen,
      gone,
    }));
    lines.push(JSON.stringify({ id, server, ...(seenServer && { seenServer }), tools: list }));
    yield;
  }
  const lost = book.lost === undefined ? '' : `,"lost":${JSON.stringify(book.lost)}`;
  const head = `{"format":${FORMAT}${lost},"connectors":[`;
  return `${[head, lines.join(',\n'), ']}'].filter((part) => part !== '').join('\n')}\n`;
}
