import { join } from 'node:path';
import type { Command } from '../../src/cli/command.ts';
import { parseCommandLine } from '../../src/cli/parse-command-line.ts';
import { registryExportCommand } from '../../src/cli/registry-export.ts';
import { registryImportCommand } from '../../src/cli/registry-import.ts';
import { type CliBench, cliBench } from './fake-io.ts';

const COMMANDS: readonly [Command, ...Command[]] = [registryImportCommand, registryExportCommand];

/** A terminal with a state folder and clients of its own, for `registry import` and `registry export`. */
export interface RegistryBench extends CliBench {
  readonly stateFolder: string;
  /** Runs `registry <argv>` and rejects with what the program would report. */
  registry(...argv: string[]): Promise<number>;
  /** Runs it with `--json` and gives what it printed. */
  json(...argv: string[]): Promise<unknown>;
}

export async function registryBench(): Promise<RegistryBench> {
  const bench = await cliBench();
  const registry = async (...argv: string[]): Promise<number> => {
    const line = parseCommandLine(['registry', ...argv], COMMANDS);
    if (line.kind !== 'run') throw new Error('no command');
    return await line.command.run({ ...line, io: bench.io });
  };
  return {
    ...bench,
    stateFolder: join(bench.path, '.config', 'cortex-os', 'mcp'),
    registry,
    json: async (...argv) => {
      bench.stdout.text = '';
      await registry(...argv, '--json');
      return JSON.parse(bench.stdout.text);
    },
    [Symbol.asyncDispose]: async () => await bench[Symbol.asyncDispose](),
  };
}
