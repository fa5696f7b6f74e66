// Cortex MCP as a subject: one service in a process of its own.
import { DEFAULT_SETTINGS } from '../../src/service/default-settings.ts';
import { pino } from 'pino';
import { keepHeapSlack } from '../../src/service/heap-slack.ts';
import { createService } from '../../src/service/service.ts';
import { answerCommands } from './answer-commands.ts';
import { endProfile, startProfile } from './take-profile.ts';

answerCommands(async (options) => {
  if (options.kind !== 'ours') throw new TypeError(`this is no ${options.kind}`);
  const service = createService({
    connectors: options.connectors,
    // What is refused for being too much says nothing of what a call costs.
    settings: { ...DEFAULT_SETTINGS, maxInFlight: 1_000, ...options.settings },
    logger: pino({ level: 'silent' }, { write: () => undefined }),
    baseEnv: { PATH: process.env['PATH'] },
    audit: options.auditTo === undefined ? undefined : { stateFolder: options.auditTo },
    version: '0.0.0-bench',
  });
  const { profileTo, heapSlackMiB = 32 } = options;
  const profile = profileTo === undefined ? undefined : await startProfile();
  const { url } = await service.start();
  if (options.early !== true) {
    await service.manager.sync();
    await service.settled();
  }
  if (profileTo !== undefined) await endProfile(profile, profileTo);
  // The program waits until it has kept its compiled code.
  keepHeapSlack(heapSlackMiB, undefined, 0);
  return { url, close: async () => await service.close() };
});
