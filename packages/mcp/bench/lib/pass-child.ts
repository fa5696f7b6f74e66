// The other side of measure-pass.ts: one service in a fresh process, so that every pass is as cold as a real start. It
// exports, for then what it loads is bundled as the program's start is: as a script whose compiled code is kept.
import { pino } from 'pino';
import { DEFAULT_SETTINGS } from '../../src/service/default-settings.ts';
import { createService, type Service } from '../../src/service/service.ts';
import type { PassCommand, PassFigures } from './pass-protocol.ts';
import { watchStalls } from './stall.ts';

let service: Service | undefined;

/** Resolves when enough connectors are served, or the pass has ended. */
async function enough(current: Service, wanted: number | undefined): Promise<void> {
  const { manager } = current;
  const pass = manager.sync(true);
  if (wanted === undefined) {
    await pass;
    return;
  }
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = manager.onChange(() => {
    if (manager.served().length >= wanted) resolve();
  });
  await Promise.race([promise, pass]);
  stop();
}

/** The pass that a service makes by itself when it starts. */
async function ownPass({ manager }: Service): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let looking: NodeJS.Immediate | undefined;
  const look = (): void => {
    looking = undefined;
    if (manager.complete(undefined) && !manager.syncing) resolve();
  };
  // A sync still counts as under way when it says that it has ended.
  const stop = manager.onChange(() => (looking ??= setImmediate(look)));
  manager.start();
  await promise;
  stop();
}

async function measure(current: Service, pass: () => Promise<void>): Promise<PassFigures> {
  // The first reading of the loop's delay would otherwise be that of loading modules.
  await new Promise((resolve) => setTimeout(resolve, 20));
  const stalls = watchStalls();
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  await pass();
  await current.settled();
  const wallMs = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpu);
  return {
    wallMs,
    cpuMs: (user + system) / 1_000,
    ...stalls.stop(),
    tools: current.tools().length,
  };
}

export async function answer(command: PassCommand): Promise<PassFigures> {
  if (command.kind === 'again') {
    if (service === undefined) throw new Error('there is no service yet');
    const current = service;
    return await measure(current, async () => await enough(current, undefined));
  }
  const current = createService({
    connectors: command.connectors,
    settings: { ...DEFAULT_SETTINGS, backgroundRefresh: false, ...command.settings },
    logger: pino({ level: 'silent' }, { write: () => undefined }),
    baseEnv: {},
    version: '0.0.0-bench',
  });
  service = current;
  await current.manager.restore();
  await current.settled();
  const starts = command.settings.backgroundRefresh === true;
  return await measure(current, async () => {
    await (starts ? ownPass(current) : enough(current, command.served));
  });
}

process.on('message', (command: PassCommand) => {
  void answer(command).then((reply) => process.connected && process.send?.(reply));
});
process.on('disconnect', () => {
  // In order: manifests that are still being written belong to the next start.
  void Promise.resolve(service?.close()).then(() => process.exit());
});
