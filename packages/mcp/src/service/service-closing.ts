import type { Logger } from 'pino';

/** Ends one part of a service. */
export type Closer = () => Promise<unknown>;

/**
 * Closes the parts of a service, one wave after the other, those of a wave together. A part that fails is logged and
 * holds up nothing. Never rejects.
 */
export async function closeInWaves(
  waves: readonly (readonly Closer[])[],
  logger: Logger,
): Promise<void> {
  for (const wave of waves) {
    for (const result of await Promise.allSettled(wave.map(async (close) => await close()))) {
      if (result.status === 'rejected') {
        logger.error({ err: result.reason }, 'a part did not close cleanly');
      }
    }
  }
}
