import type { ConfigFlags } from '../config/settings.ts';
import { CommandError, type CommandErrorCode } from '../protocol/command-error.ts';
import type { CliIo } from './cli-io.ts';
import type { GivenOptions, OptionName } from './command-option.ts';

export type { GivenOptions, OptionName } from './command-option.ts';

/** The command line cannot be followed as it is; the message is one line. Exit code 2. */
export class UsageError extends CommandError {
  constructor(what: string, code: CommandErrorCode = 'USAGE', remedy?: string) {
    super(code, what, { remedy });
    this.name = 'UsageError';
  }
}

/** What a command is run with. */
export interface CommandContext {
  readonly io: CliIo;
  readonly flags: ConfigFlags;
  readonly json: boolean;
  readonly keyFile?: string | undefined;
  readonly ed25519?: boolean | undefined;
  readonly kid?: string | undefined;
  /** Every option as it was given. */
  readonly options: GivenOptions;
  /** What follows the command's name. */
  readonly args: readonly string[];
  /** What follows `--`, for commands that take it. */
  readonly rest: readonly string[];
}

/** One command: how it is written, what it says about itself, what it does. */
export interface Command {
  /** `sync`, `config show` */
  readonly name: string;
  /** What may follow the name, e.g. `<tool> [json]`. */
  readonly argumentsUsage: string;
  readonly minArguments: number;
  readonly maxArguments: number;
  /** Whether words after `--` are a command line of their own (`rest`), not arguments. Default: false. */
  readonly takesRest?: boolean;
  readonly options: readonly OptionName[];
  /** One line for the list of commands. */
  readonly summary: string;
  /** Lines for the command's own help. */
  readonly details: readonly string[];
  readonly example: string;
  /** @returns the exit code. @throws what `runCli` turns into one line. */
  run(context: CommandContext): Promise<number>;
}
