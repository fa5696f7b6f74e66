import { isDeepStrictEqual } from 'node:util';
import type { LoadedConfig } from '../config/config.ts';

/** What a reload needs, so that it can be tried without a service. */
export interface ReloadParts {
  load(): Promise<LoadedConfig>;
  apply(config: LoadedConfig): Promise<void>;
  /** One line for the user. */
  say(line: string): void;
}

function valuesOf(config: LoadedConfig): [name: string, value: unknown][] {
  const serviceMap = { value: config.mapRevision };
  const all = { ...config.settings, ...config.flags, serviceMap };
  return Object.entries(all).map(([name, { value }]) => [name, value]);
}

function changedSettings(before: LoadedConfig, after: LoadedConfig): string[] {
  const old = new Map(valuesOf(before));
  return valuesOf(after)
    .filter(([name, value]) => !isDeepStrictEqual(old.get(name), value))
    .map(([name]) => name);
}

/**
 * A function that reads the configuration again and applies its connectors. Calls while one is under way make one
 * more run after it. A file that cannot be used changes nothing and is said in one line. Never rejects.
 */
export function createReload(initial: LoadedConfig, parts: ReloadParts): () => Promise<void> {
  let current = initial;
  let running: Promise<void> | undefined;
  let again = false;

  async function reload(): Promise<void> {
    try {
      const next = await parts.load();
      const restart = changedSettings(current, next);
      if (restart.length > 0) {
        parts.say(`restart to apply the changed ${restart.join(', ')}`);
      }
      const before = current;
      current = next;
      if (isDeepStrictEqual(before.connectors, next.connectors)) return;
      await parts.apply(next);
      const count = next.connectors.length;
      parts.say(`configuration reloaded: ${count} ${count === 1 ? 'connector' : 'connectors'}`);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      parts.say(`configuration not reloaded, the last good one stays: ${message}`);
    }
  }

  async function run(): Promise<void> {
    do {
      again = false;
      await reload();
    } while (again);
    running = undefined;
  }

  return async () => {
    again = running !== undefined;
    running ??= run();
    await running;
  };
}
