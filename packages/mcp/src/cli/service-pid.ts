import type { LoadedConfig } from '../config/config.ts';
import { createHostFiles } from '../proof/host-files.ts';
import { ownerPid } from '../proof/owner-pid.ts';
import { stateLockName } from '../service/state-owner.ts';
import { type CommandContext, UsageError } from './command.ts';
import { isLocalUrl } from './local-url.ts';
import { numberOption } from './number-option.ts';
import { readConfig } from './open-service.ts';
import { openRunningService, ServiceUnreachable } from './running-service.ts';

const MAX_PID = 4_194_304;

/** Who answers for the configuration, or for an address of this machine. */
async function answeringPid(
  { io }: CommandContext,
  config: LoadedConfig | undefined,
  url: string | undefined,
): Promise<number> {
  const service = await openRunningService(io, config, url);
  try {
    return (await service.read()).pid;
  } finally {
    await service.close();
  }
}

function localUrl(url: string): string {
  if (isLocalUrl(url)) return url;
  throw new UsageError(
    'a process is profiled on its own machine: --url must be a loopback address',
  );
}

/**
 * The process of a service: `--pid`, or the one that answers at `--url`, or that of the configuration. When that one
 * does not answer, as a stuck one would not, the process that owns its state folder.
 * @throws UsageError, ServiceUnreachable
 */
export async function servicePid(context: CommandContext): Promise<number> {
  const { options } = context;
  if (options.has('pid')) {
    const pid = numberOption(context, 'pid', { min: 1, max: MAX_PID, standard: 0 });
    if (Number.isInteger(pid)) return pid;
    throw new UsageError('--pid must be a whole number');
  }
  const url = options.text('url');
  if (url !== undefined) return await answeringPid(context, undefined, localUrl(url));
  const config = await readConfig(context, true);
  try {
    return await answeringPid(context, config, undefined);
  } catch (error) {
    if (!(error instanceof ServiceUnreachable)) throw error;
    const place = { stateFolder: config.stateFolder.value, configPath: config.configPath };
    const owner = await ownerPid(createHostFiles(), stateLockName(place));
    if (owner !== undefined) return owner;
    throw error;
  }
}
