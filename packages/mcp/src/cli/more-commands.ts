import { authLoginCommand } from './auth-login.ts';
import { authLogoutCommand } from './auth-logout.ts';
import { authStatusCommand } from './auth-status.ts';
import { auditSearchCommand, auditTailCommand } from './audit.ts';
import { callCommand } from './call.ts';
import type { Command } from './command.ts';
import { configShowCommand } from './config-show.ts';
import { flagsCommand } from './flags.ts';
import { keysCreateCommand, keysRevokeCommand, keysRotateCommand } from './keys-edit.ts';
import { keysListCommand } from './keys.ts';
import { mapKeygenCommand, mapSignCommand, mapVerifyCommand } from './map.ts';
import { pinsApproveCommand, pinsDiffCommand, pinsListCommand } from './pins.ts';
import { stdioCommand } from './stdio.ts';
import { syncCommand } from './sync.ts';
import { toolsCommand } from './tools.ts';

/** Every command but `serve`, which starts without loading them, and those of the registry. */
export const MORE_COMMANDS: readonly Command[] = [
  stdioCommand,
  syncCommand,
  toolsCommand,
  callCommand,
  authLoginCommand,
  authStatusCommand,
  authLogoutCommand,
  configShowCommand,
  flagsCommand,
  keysCreateCommand,
  keysListCommand,
  keysRotateCommand,
  keysRevokeCommand,
  pinsListCommand,
  pinsDiffCommand,
  pinsApproveCommand,
  auditTailCommand,
  auditSearchCommand,
  mapSignCommand,
  mapVerifyCommand,
  mapKeygenCommand,
];
