// Cortex MCP as a subject: one service in a process of its own.
import { DEFAULT_SETTINGS } from '../../src/service/default-settings.ts';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { pino } from 'pino';
import * as ours from '../../src/service/service.ts';
import { answerCommands } from './answer-commands.ts';
import { endProfile, startProfile } from './take-profile.ts';

async function load(source: string | undefined): Promise<typeof ours> {
  if (source === undefined) return ours;
  return (await import(
    pathToFileURL(resolve(source, 'src/service/service.ts')).href
  )) as typeof ours;
}

answerCommands(async (options) => {
  if (options.kind !== 'ours') throw new TypeError(`this is no ${options.kind}`);
  const { createService } = await load(options.source);
  const service = createService({
    connectors: options.connectors,
    // What is refused for being too much says nothing of what a call costs.
    settings: { ...DEFAULT_SETTINGS, maxInFlight: 1_000, ...options.settings },
    logger: pino({ level: 'silent' }, { write: () => undefined }),
    baseEnv: { PATH: process.env['PATH'] },
    audit: options.auditTo === undefined ? undefined : { stateFolder: options.auditTo },
    version: '0.0.0-bench',
  });
  const { profileTo } = options;
  const profile = profileTo === undefined ? undefined : await startProfile();
  const { url } = await service.start();
  if (options.early !== true) {
    await service.manager.sync();
    await service.settled();
  }
  if (profileTo !== undefined) await endProfile(profile, profileTo);
  return { url, close: async () => await service.close() };
});
