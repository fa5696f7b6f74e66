import type { Logger } from 'pino';
import type { ApiPort, ApiPortOptions } from './registry-api-port.ts';
import type { OpenRegistry } from './registry-opening.ts';

/** The registry API, whose code is loaded when it is first wanted: a start would wait for it. */
export interface LateRegistryApi {
  /** Of the registry that it was first asked for; undefined when its code cannot be loaded. Never rejects. */
  of(open: OpenRegistry): Promise<ApiPort | undefined>;
  close(): Promise<void>;
}

export function createLateRegistryApi(
  options: Omit<ApiPortOptions, 'onError'>,
  logger: Logger,
): LateRegistryApi {
  let loaded: Promise<ApiPort | undefined> | undefined;
  async function load(open: OpenRegistry): Promise<ApiPort | undefined> {
    try {
      const { createApiPort } = await import('./registry-api-port.ts');
      return createApiPort(open, {
        ...options,
        onError: (error) => logger.warn({ err: error }, 'the registry API could not answer'),
      });
    } catch (error) {
      logger.error({ err: error }, 'the registry API cannot be loaded');
      return undefined;
    }
  }
  return {
    of: async (open) => await (loaded ??= load(open)),
    close: async () => (await loaded)?.close(),
  };
}
