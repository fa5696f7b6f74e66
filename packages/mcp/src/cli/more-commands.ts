import { adviseCommand } from './advise.ts';
import { authLoginCommand } from './auth-login.ts';
import { authLogoutCommand } from './auth-logout.ts';
import { authStatusCommand } from './auth-status.ts';
import { auditSearchCommand, auditTailCommand } from './audit.ts';
import {
  baselineCollectCommand,
  baselineDiffCommand,
  baselineListCommand,
  baselineReportCommand,
} from './baseline.ts';
import { callCommand } from './call.ts';
import type { Command } from './command.ts';
import { configShowCommand } from './config-show.ts';
import { doctorCommand } from './doctor.ts';
import { explainCommand } from './explain.ts';
import { connectCommand } from './connect.ts';
import { flagsCommand } from './flags.ts';
import { keysCreateCommand, keysRevokeCommand, keysRotateCommand } from './keys-edit.ts';
import { keysListCommand } from './keys.ts';
import { mapKeygenCommand, mapSignCommand, mapVerifyCommand } from './map.ts';
import { monitorCommand } from './monitor.ts';
import { pinsApproveCommand, pinsDiffCommand, pinsListCommand } from './pins.ts';
import { profileCpuCommand, profileHeapCommand } from './profile.ts';
import { rolloutCheckCommand, rolloutPlanCommand } from './rollout.ts';
import { stdioCommand } from './stdio.ts';
import { syncCommand } from './sync.ts';
import { toolsCommand } from './tools.ts';

/** Every command but `serve`, which starts without loading them, and those of the registry. */
export const MORE_COMMANDS: readonly Command[] = [
  stdioCommand,
  connectCommand,
  syncCommand,
  toolsCommand,
  callCommand,
  authLoginCommand,
  authStatusCommand,
  authLogoutCommand,
  configShowCommand,
  explainCommand,
  doctorCommand,
  monitorCommand,
  adviseCommand,
  baselineCollectCommand,
  baselineDiffCommand,
  baselineReportCommand,
  baselineListCommand,
  profileCpuCommand,
  profileHeapCommand,
  flagsCommand,
  rolloutCheckCommand,
  rolloutPlanCommand,
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
