import { callCommand } from './call.ts';
import type { Command } from './command.ts';
import { configShowCommand } from './config-show.ts';
import { flagsCommand } from './flags.ts';
import { mapKeygenCommand, mapSignCommand, mapVerifyCommand } from './map.ts';
import { stdioCommand } from './stdio.ts';
import { syncCommand } from './sync.ts';
import { toolsCommand } from './tools.ts';

/** Every command but `serve`, which starts without loading them, and those of the registry. */
export const MORE_COMMANDS: readonly Command[] = [
  stdioCommand,
  syncCommand,
  toolsCommand,
  callCommand,
  configShowCommand,
  flagsCommand,
  mapSignCommand,
  mapVerifyCommand,
  mapKeygenCommand,
];
