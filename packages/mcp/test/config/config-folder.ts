import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Environment } from '../../src/config/environment.ts';
import { type LoadedConfig, loadConfig } from '../../src/config/config.ts';
import { ConfigError } from '../../src/config/config-error.ts';
import type { ConfigFlags } from '../../src/config/settings.ts';

/** A working folder and a home of their own, with a way to load the configuration from there. */
export interface ConfigFolder extends AsyncDisposable {
  readonly path: string;
  readonly home: string;
  write(name: string, content: unknown): Promise<string>;
  load(flags?: ConfigFlags, env?: Environment): Promise<LoadedConfig>;
  /** The error that loading must end with. */
  fail(flags?: ConfigFlags, env?: Environment): Promise<ConfigError>;
}

/** Strings are written as they are, anything else as JSON. */
export async function configFolder(): Promise<ConfigFolder> {
  const root = await mkdtemp(join(tmpdir(), 'cortex-config-'));
  const path = join(root, 'work');
  const home = join(root, 'home');
  await mkdir(path);
  await mkdir(home);
  const load = async (flags: ConfigFlags = {}, env: Environment = {}): Promise<LoadedConfig> =>
    await loadConfig({ flags, env, cwd: path, home });
  return {
    path,
    home,
    load,
    write: async (name, content) => {
      const file = join(path, name);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
      return file;
    },
    fail: async (flags, env) => {
      try {
        await load(flags, env);
      } catch (error) {
        if (error instanceof ConfigError) return error;
        throw error;
      }
      throw new Error('the configuration was accepted');
    },
    [Symbol.asyncDispose]: async () => await rm(root, { recursive: true, force: true }),
  };
}
