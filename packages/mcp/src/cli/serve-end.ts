import type { LoadedConfig } from '../config/config.ts';
import type { Service } from '../service/service.ts';
import type { CliIo } from './cli-io.ts';
import { EXIT_FAILED, EXIT_OK } from './exit-code.ts';

/** A service that has ended by now ended at once, and nothing needs to be said. */
const SILENT_MS = 300;

/** The reason of a stop that must not wait for anybody: the program has a fault. */
export const CRASHED = 'crashed';

/** Another process may have the same port: then clients that come anew are left to it. */
function sharesPort(): boolean {
  return process.getBuiltinModule('node:cluster').isWorker;
}

function seconds(ms: number): string {
  return `${Math.ceil(ms / 1000)} s`;
}

function waitingLine(lameDuckMs: number, maxMs: number): string {
  return (
    `still answering for up to ${seconds(lameDuckMs)}, then calls under way have up to ${seconds(maxMs)}; ` +
    'a second signal (Ctrl-C) stops at once\n'
  );
}

/**
 * Ends a service after a signal: in order, saying so when it takes long, or at once after a fault.
 * @returns the exit code.
 */
export async function endService(
  service: Pick<Service, 'drain' | 'close'>,
  io: Pick<CliIo, 'stdout' | 'isTty' | 'signal'>,
  { settings }: Pick<LoadedConfig, 'settings'>,
): Promise<number> {
  if (io.signal.reason === CRASHED) {
    await service.close();
    return EXIT_FAILED;
  }
  // The terminal has echoed ^C: what follows starts on a line of its own.
  io.stdout.write(io.isTty ? '\nstopping\n' : 'stopping\n');
  const lameDuckMs = settings.drainLameDuckMs.value;
  const maxMs = settings.drainMaxMs.value;
  const line = setTimeout(() => io.stdout.write(waitingLine(lameDuckMs, maxMs)), SILENT_MS);
  try {
    const report = await service.drain({ lameDuckMs, maxMs, yields: sharesPort() });
    return report.kind === 'ended' ? EXIT_OK : EXIT_FAILED;
  } finally {
    clearTimeout(line);
  }
}
