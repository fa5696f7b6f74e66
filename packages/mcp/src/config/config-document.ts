import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import {
  findNodeAtLocation,
  getNodeValue,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from 'jsonc-parser';
import { ConfigError, type ConfigPlace } from './config-error.ts';

/** The largest configuration file that is read. */
export const MAX_CONFIG_BYTES: number = 16 * 1024 * 1024;

/** A step into a JSON value: a member's name or an element's index. */
export type JsonPath = readonly (string | number)[];

/** A configuration file that has been read: its value, and where each part of it stands. */
export interface ConfigDocument {
  readonly file: string;
  readonly value: Readonly<Record<string, unknown>>;
  /** Where the value at `path` stands; the nearest enclosing value's place when it is not there. */
  place(path: JsonPath): ConfigPlace;
}

/** `mcpServers.github.args[1]`; names that are no identifiers are quoted. */
export function formatPath(path: JsonPath): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (/^[\w$-]+$/.test(step)) text += text === '' ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text;
}

function positionOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
}

const PARSE_ERRORS: Readonly<Record<string, string>> = {
  ValueExpected: 'a value is missing here',
  ColonExpected: 'a colon is missing here',
  CommaExpected: 'a comma is missing here',
  PropertyNameExpected: 'a "name" in double quotes is expected here',
  CloseBraceExpected: 'a closing } is missing',
  CloseBracketExpected: 'a closing ] is missing',
  EndOfFileExpected: 'nothing may follow the closing }',
  UnexpectedEndOfString: 'a string has no closing quote',
  UnexpectedEndOfComment: 'a comment has no end',
  InvalidEscapeCharacter: 'a string has an invalid escape (write \\\\ for a backslash)',
  InvalidCharacter: 'a string holds a raw control character',
};

function syntaxError(file: string, text: string, error: ParseError): ConfigError {
  const name = printParseErrorCode(error.error);
  const what = PARSE_ERRORS[name] ?? `invalid JSON (${name})`;
  const place = { file, ...positionOf(text, error.offset) };
  return new ConfigError('CONFIG_BAD_JSON', what, 'correct the JSON there', place);
}

function pathOf(node: Node): JsonPath {
  const steps: (string | number)[] = [];
  for (let at: Node | undefined = node; at?.parent !== undefined; at = at.parent) {
    const { parent } = at;
    if (parent.type === 'array') steps.unshift(parent.children?.indexOf(at) ?? 0);
    if (parent.type === 'property') steps.unshift(String(parent.children?.[0]?.value));
  }
  return steps;
}

/** JSON lets the last of two equal names win in silence, so one of two connectors would be lost: refuse it. */
function refuseDuplicates(file: string, text: string, root: Node): void {
  const pending: Node[] = [root];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    const seen = new Map<string, Node>();
    for (const child of node.children ?? []) {
      if (child.type !== 'property') {
        pending.push(child);
        continue;
      }
      const [name, value] = child.children ?? [];
      if (name === undefined || value === undefined) continue;
      const key = String(name.value);
      const first = seen.get(key);
      if (first !== undefined) {
        const { line } = positionOf(text, first.offset);
        throw new ConfigError(
          'CONFIG_DUPLICATE_KEY',
          `"${key}" is given twice, first on line ${line}`,
          'rename or remove one of them',
          { file, path: formatPath(pathOf(value)), ...positionOf(text, name.offset) },
        );
      }
      seen.set(key, name);
      pending.push(value);
    }
  }
}

function parseRoot(file: string, text: string): Node {
  if (text.trim() === '') {
    throw new ConfigError(
      'CONFIG_BAD_JSON',
      'the file is empty',
      'write at least {"mcpServers":{}}',
      {
        file,
      },
    );
  }
  const errors: ParseError[] = [];
  let root: Node | undefined;
  try {
    root = parseTree(text, errors, { allowTrailingComma: true });
  } catch (cause) {
    throw new ConfigError('CONFIG_BAD_JSON', 'the JSON nests too deeply', 'flatten it', {
      file,
      cause,
    });
  }
  const [first] = errors;
  if (first !== undefined) throw syntaxError(file, text, first);
  if (root?.type !== 'object') {
    throw new ConfigError(
      'CONFIG_BAD_TYPE',
      'the file must hold one JSON object',
      'wrap it in { }',
      {
        file,
        line: 1,
        column: 1,
      },
    );
  }
  return root;
}

function members(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

/**
 * Parses JSON with comments, trailing commas and a byte order mark, as editors write it.
 * @throws ConfigError for bad syntax, a name given twice, or anything but an object.
 */
export function parseConfigText(file: string, raw: string): ConfigDocument {
  const text = raw.startsWith('\uFEFF') ? raw.slice(1) : raw;
  const root = parseRoot(file, text);
  refuseDuplicates(file, text, root);
  return {
    file,
    value: members(getNodeValue(root)),
    place: (path) => {
      let node: Node | undefined;
      for (let length = path.length; node === undefined && length > 0; length -= 1) {
        node = findNodeAtLocation(root, path.slice(0, length));
      }
      return { file, path: formatPath(path), ...positionOf(text, (node ?? root).offset) };
    },
  };
}

/**
 * Reads at most `maxBytes` of a text file.
 * @throws the system's error, a RangeError when the file is larger, or an Error for a pipe or device.
 */
export async function readBounded(file: string, maxBytes: number): Promise<string> {
  // Opening a pipe would wait for whoever writes to it.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await handle.stat();
    const { size } = stats;
    if (!stats.isFile() && !stats.isDirectory()) throw new Error('not a regular file');
    if (size > maxBytes) throw new RangeError(`larger than ${maxBytes} bytes`);
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/** Reads and parses a configuration file. @throws ConfigError naming the file. */
export async function readConfigDocument(file: string): Promise<ConfigDocument> {
  let text: string;
  try {
    text = await readBounded(file, MAX_CONFIG_BYTES);
  } catch (cause) {
    const place = { file, cause };
    if (hasCode(cause, 'ENOENT') || hasCode(cause, 'ENOTDIR')) {
      throw new ConfigError('CONFIG_NOT_FOUND', 'there is no such file', 'check the path', place);
    }
    if (cause instanceof RangeError) {
      throw new ConfigError('CONFIG_TOO_LARGE', `the file is ${cause.message}`, 'split it', place);
    }
    const reason = cause instanceof Error ? cause.message : String(cause);
    const remedy = 'give the path of a file that this user may read';
    throw new ConfigError('CONFIG_UNREADABLE', `cannot be read (${reason})`, remedy, place);
  }
  return parseConfigText(file, text);
}
