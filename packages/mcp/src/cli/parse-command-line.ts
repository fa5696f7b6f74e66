import { parseArgs } from 'node:util';
import { nearest } from '../config/nearest.ts';
import type { ConfigFlags } from '../config/settings.ts';
import { type Command, type OptionName, UsageError } from './command.ts';

/** What a command line asks for. */
export type CommandLine =
  | { readonly kind: 'version' }
  | { readonly kind: 'help'; readonly command: Command | undefined }
  | {
      readonly kind: 'run';
      readonly command: Command;
      readonly flags: ConfigFlags;
      readonly json: boolean;
      readonly keyFile: string | undefined;
      readonly ed25519: boolean;
      readonly kid: string | undefined;
      readonly args: readonly string[];
    };

const OPTIONS = {
  config: { type: 'string' },
  port: { type: 'string' },
  host: { type: 'string' },
  json: { type: 'boolean' },
  'key-file': { type: 'string' },
  ed25519: { type: 'boolean' },
  kid: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const;
type AnyOption = keyof typeof OPTIONS;

function isOption(name: string): name is AnyOption {
  return Object.hasOwn(OPTIONS, name);
}

interface Words {
  readonly given: ReadonlyMap<AnyOption, string | true>;
  readonly positionals: readonly string[];
}

function suggest(word: string, candidates: readonly string[], dashes: string): string {
  const meant = nearest(word, candidates);
  return meant === undefined ? '' : `, did you mean ${dashes}${meant}?`;
}

/** Splits the line into options and the rest. @throws UsageError */
function readWords(argv: readonly string[]): Words {
  const { tokens } = parseArgs({
    args: [...argv],
    options: OPTIONS,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const given = new Map<AnyOption, string | true>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const { name, rawName, value } = token;
    if (!isOption(name)) {
      const hint = suggest(name, Object.keys(OPTIONS), '--');
      throw new UsageError(`unknown option ${rawName}${hint}`);
    }
    if (OPTIONS[name].type === 'boolean') {
      if (value !== undefined) throw new UsageError(`${rawName} takes no value`);
      given.set(name, true);
      continue;
    }
    if (value === undefined || value === '' || (!token.inlineValue && value.startsWith('--'))) {
      throw new UsageError(`${rawName} needs a value`);
    }
    given.set(name, value);
  }
  return { given, positionals };
}

/** The command that the first words name, and how many words that took. */
function findCommand(
  commands: readonly Command[],
  words: readonly string[],
): { command: Command; length: number } | undefined {
  for (const command of commands) {
    const parts = command.name.split(' ');
    if (parts.every((part, index) => words[index] === part)) {
      return { command, length: parts.length };
    }
  }
  return undefined;
}

function unknownCommand(commands: readonly Command[], words: readonly string[]): UsageError {
  const [first = ''] = words;
  const longer = commands.filter((command) => command.name.startsWith(`${first} `));
  if (longer.length > 0) {
    return new UsageError(`${first} needs one more word: ${longer.map((c) => c.name).join(', ')}`);
  }
  const names = [...commands.map((command) => command.name), 'help'];
  return new UsageError(`unknown command ${JSON.stringify(first)}${suggest(first, names, '')}`);
}

function refuseMisfits(command: Command, words: Words, args: readonly string[]): void {
  for (const name of words.given.keys()) {
    if (name === 'help' || name === 'version') continue;
    const own: readonly OptionName[] = command.options;
    if (!own.includes(name)) throw new UsageError(`--${name} is no option of ${command.name}`);
  }
  if (args.length < command.minArguments) {
    throw new UsageError(`usage: cortex-mcp ${command.name} ${command.argumentsUsage}`);
  }
  const extra = args[command.maxArguments];
  if (extra !== undefined) throw new UsageError(`unexpected argument ${JSON.stringify(extra)}`);
}

function text(value: string | true | undefined): string | undefined {
  return value === true ? undefined : value;
}

function helpFor(commands: readonly Command[], words: readonly string[]): CommandLine {
  if (words.length === 0) return { kind: 'help', command: undefined };
  const found = findCommand(commands, words);
  if (found !== undefined) return { kind: 'help', command: found.command };
  const family = commands.find((command) => command.name.startsWith(`${words[0]} `));
  if (family !== undefined) return { kind: 'help', command: family };
  throw unknownCommand(commands, words);
}

/** Understands a command line; without a command, the first of `commands` is meant. @throws UsageError */
export function parseCommandLine(
  argv: readonly string[],
  commands: readonly [Command, ...Command[]],
): CommandLine {
  const words = readWords(argv);
  const { given, positionals } = words;
  if (given.has('version')) return { kind: 'version' };
  if (positionals[0] === 'help') return helpFor(commands, positionals.slice(1));
  if (given.has('help')) return helpFor(commands, positionals);
  const found =
    positionals.length === 0
      ? { command: commands[0], length: 0 }
      : findCommand(commands, positionals);
  if (found === undefined) throw unknownCommand(commands, positionals);
  const args = positionals.slice(found.length);
  refuseMisfits(found.command, words, args);
  return {
    kind: 'run',
    command: found.command,
    flags: {
      config: text(given.get('config')),
      port: text(given.get('port')),
      host: text(given.get('host')),
    },
    json: given.has('json'),
    keyFile: text(given.get('key-file')),
    ed25519: given.has('ed25519'),
    kid: text(given.get('kid')),
    args,
  };
}
