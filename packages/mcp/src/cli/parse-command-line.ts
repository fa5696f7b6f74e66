import { parseArgs } from 'node:util';
import { nearest } from '../config/nearest.ts';
import { type GivenOptions, OPTIONS, type OptionName } from './command-option.ts';
import { type Command, type CommandContext, UsageError } from './command.ts';

/** What a command line asks for. */
export type CommandLine =
  | { readonly kind: 'version' }
  | { readonly kind: 'help'; readonly command: Command | undefined }
  /** Of a word that several commands begin with. */
  | { readonly kind: 'help'; readonly family: readonly [Command, ...Command[]] }
  | (Omit<CommandContext, 'io'> & { readonly kind: 'run'; readonly command: Command });

type AnyOption = OptionName | 'help' | 'version';

function shortOf(name: string): { readonly short?: string } {
  return name === 'out' ? { short: 'o' } : {};
}

/** What `parseArgs` is told; every option may come again, and is checked afterwards. */
const PARSED = {
  ...Object.fromEntries(
    Object.entries(OPTIONS).map(([name, { kind }]) => [
      name,
      { type: kind === 'flag' ? ('boolean' as const) : ('string' as const), ...shortOf(name) },
    ]),
  ),
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const;

function isOption(name: string): name is AnyOption {
  return Object.hasOwn(OPTIONS, name) || name === 'help' || name === 'version';
}

function kindOf(name: AnyOption): 'flag' | 'text' | 'list' {
  return name === 'help' || name === 'version' ? 'flag' : OPTIONS[name].kind;
}

interface Words {
  readonly given: ReadonlyMap<AnyOption, readonly string[]>;
  readonly positionals: readonly string[];
  /** What follows `--`; undefined without one. */
  readonly rest: readonly string[] | undefined;
}

function suggest(word: string, candidates: readonly string[], dashes: string): string {
  const meant = nearest(word, candidates);
  return meant === undefined ? '' : `, did you mean ${dashes}${meant}?`;
}

/** The value of an option as it was written; a flag has an empty one. @throws UsageError */
function valueOf(
  name: AnyOption,
  token: {
    readonly rawName: string;
    readonly value?: string | undefined;
    readonly inlineValue?: boolean | undefined;
  },
): string {
  const { rawName, value, inlineValue } = token;
  if (kindOf(name) === 'flag') {
    if (value !== undefined) throw new UsageError(`${rawName} takes no value`);
    return '';
  }
  if (value === undefined || value === '' || (inlineValue !== true && value.startsWith('--'))) {
    throw new UsageError(`${rawName} needs a value`);
  }
  return value;
}

/** Splits the line into options and the rest. @throws UsageError */
function readWords(argv: readonly string[]): Words {
  const { tokens } = parseArgs({
    args: [...argv],
    options: PARSED,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const given = new Map<AnyOption, string[]>();
  const positionals: string[] = [];
  let rest: string[] | undefined;
  for (const token of tokens) {
    if (token.kind === 'option-terminator') rest ??= [];
    if (token.kind === 'positional') (rest ?? positionals).push(token.value);
    if (token.kind !== 'option') continue;
    const { name } = token;
    if (!isOption(name)) {
      const names = [...Object.keys(OPTIONS), 'help', 'version'];
      throw new UsageError(`unknown option ${token.rawName}${suggest(name, names, '--')}`);
    }
    given.set(name, [...(given.get(name) ?? []), valueOf(name, token)]);
  }
  return { given, positionals, rest };
}

function givenOptions({ given }: Words): GivenOptions {
  return {
    has: (name) => given.has(name),
    text: (name) => given.get(name)?.at(-1),
    all: (name) => given.get(name) ?? [],
  };
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

function helpFor(commands: readonly Command[], words: readonly string[]): CommandLine {
  if (words.length === 0) return { kind: 'help', command: undefined };
  const found = findCommand(commands, words);
  if (found !== undefined) return { kind: 'help', command: found.command };
  const [first, ...others] = commands.filter(({ name }) => name.startsWith(`${words[0]} `));
  if (first !== undefined) return { kind: 'help', family: [first, ...others] };
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
  const { rest = [] } = words;
  const takesRest = found.command.takesRest === true;
  const args = [...positionals.slice(found.length), ...(takesRest ? [] : rest)];
  refuseMisfits(found.command, words, args);
  const options = givenOptions(words);
  return {
    kind: 'run',
    command: found.command,
    flags: {
      config: options.text('config'),
      port: options.text('port'),
      host: options.text('host'),
    },
    json: options.has('json'),
    keyFile: options.text('key-file'),
    ed25519: options.has('ed25519'),
    kid: options.text('kid'),
    options,
    args,
    rest: takesRest ? rest : [],
  };
}
