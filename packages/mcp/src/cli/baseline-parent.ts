import { join, resolve } from 'node:path';
import type { CommandContext } from './command.ts';

/** Where baselines are kept: `--dir`, else the folder of S1-10 in the home folder. */
export function baselineParent({ io, options }: CommandContext): string {
  const given = options.text('dir');
  return given === undefined
    ? join(io.home, 'mcp-optimization-baselines')
    : resolve(io.cwd, given.replace(/^~(?=\/|$)/, io.home));
}
