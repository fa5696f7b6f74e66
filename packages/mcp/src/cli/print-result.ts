import type { CommandContext } from './command.ts';

/** Prints what a command has done: as JSON with `--json`, else as text for people. */
export function printResult(
  { io, json }: Pick<CommandContext, 'io' | 'json'>,
  value: unknown,
  text: string,
): void {
  io.stdout.write(json ? `${JSON.stringify(value, undefined, 2)}\n` : text);
}
