import { execFile } from 'node:child_process';

/** What a program said, or why it could not. */
export type CommandAnswer =
  | { readonly kind: 'said'; readonly text: string }
  | { readonly kind: 'absent' }
  | { readonly kind: 'failed'; readonly message: string };

/** Runs a program of the system without a shell. Never rejects. */
export type RunCommand = (command: string, args: readonly string[]) => Promise<CommandAnswer>;

const COMMAND_MS = 10_000;
const MAX_BYTES = 4 * 1_048_576;

/** @param env with which programs are run, `PATH` included. */
export function createRunCommand(env: Readonly<Record<string, string>>): RunCommand {
  return async (command, args) => {
    const { promise, resolve } = Promise.withResolvers<CommandAnswer>();
    const options = { env, timeout: COMMAND_MS, maxBuffer: MAX_BYTES, encoding: 'utf8' } as const;
    execFile(command, [...args], options, (error, stdout, stderr) => {
      if (error === null) resolve({ kind: 'said', text: stdout });
      else if (error.code === 'ENOENT') resolve({ kind: 'absent' });
      else {
        const message = stderr.trim().split('\n')[0] ?? '';
        resolve({ kind: 'failed', message: message === '' ? error.message : message });
      }
    });
    return await promise;
  };
}

/** For a service on another machine, of which the programs of this one know nothing. Never rejects. */
export const runNothing: RunCommand = async () =>
  await Promise.resolve({ kind: 'failed', message: 'the service runs on another machine' });
