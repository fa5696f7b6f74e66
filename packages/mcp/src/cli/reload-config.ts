import { isDeepStrictEqual } from 'node:util';
import { shownAccessSettings } from '../config/access-settings.ts';
import type { LoadedConfig } from '../config/config.ts';
import { ConfigError } from '../config/config-error.ts';
import { shownRegistrySettings } from '../config/registry-settings.ts';
import type { Note } from './service-note.ts';

/** What a reload needs, so that it can be tried without a service. */
export interface ReloadParts {
  load(): Promise<LoadedConfig>;
  apply(config: LoadedConfig): Promise<void>;
  /** Follows the service map of this configuration. Default: that needs a restart. */
  applyMap?(config: LoadedConfig): Promise<void>;
  /** One thing for the user. */
  say(note: Note): void;
}

function valuesOf(config: LoadedConfig): [name: string, value: unknown][] {
  const served = { 'serviceMap.publish': { value: config.publishedMapRevision } };
  const registry = shownRegistrySettings(config.registry);
  const all = {
    ...config.settings,
    ...config.flags,
    ...config.oversight,
    ...registry,
    ...shownAccessSettings(config.access),
    ...served,
  };
  return Object.entries(all).map(([name, { value }]) => [name, value]);
}

function changedSettings(before: LoadedConfig, after: LoadedConfig): string[] {
  const old = new Map(valuesOf(before));
  return valuesOf(after)
    .filter(([name, value]) => !isDeepStrictEqual(old.get(name), value))
    .map(([name]) => name);
}

function reloaded(what: string): Note {
  const text = `configuration reloaded: ${what}`;
  return { level: 'info', event: 'config.reloaded', text };
}

/** One sentence about the map that is followed from now on. */
function describeMap({ serviceMap }: LoadedConfig): string {
  return serviceMap === undefined
    ? 'no service map is followed'
    : `the service map is ${serviceMap.shown}`;
}

/**
 * A function that reads the configuration again and applies its connectors and its service map. Calls while one is under way make one
 * more run after it. A file that cannot be used changes nothing and is said in one line. Never rejects.
 */
export function createReload(initial: LoadedConfig, parts: ReloadParts): () => Promise<void> {
  let current = initial;
  let running: Promise<void> | undefined;
  let again = false;

  async function applyMap(before: LoadedConfig, next: LoadedConfig): Promise<void> {
    if (before.mapRevision === next.mapRevision || parts.applyMap === undefined) return;
    await parts.applyMap(next);
    parts.say(reloaded(describeMap(next)));
  }

  async function applyConnectors(before: LoadedConfig, next: LoadedConfig): Promise<void> {
    if (isDeepStrictEqual(before.connectors, next.connectors)) return;
    await parts.apply(next);
    const count = next.connectors.length;
    parts.say(reloaded(`${count} ${count === 1 ? 'connector' : 'connectors'}`));
  }

  function sayRestart(before: LoadedConfig, next: LoadedConfig): void {
    const restart = changedSettings(before, next);
    const map = parts.applyMap === undefined && before.mapRevision !== next.mapRevision;
    if (map) restart.push('serviceMap');
    if (restart.length === 0) return;
    const text = `restart to apply the changed ${restart.join(', ')}`;
    parts.say({ level: 'warn', event: 'config.restart-needed', text, plain: text });
  }

  async function reload(): Promise<void> {
    try {
      const next = await parts.load();
      const before = current;
      sayRestart(before, next);
      current = next;
      await applyConnectors(before, next);
      await applyMap(before, next);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const text = `configuration not reloaded, the last good one stays: ${message}`;
      const code = error instanceof ConfigError ? error.code : undefined;
      parts.say({ level: 'warn', event: 'config.refused', text, code, plain: text });
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
