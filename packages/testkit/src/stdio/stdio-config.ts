import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import type { StdioFault } from '../fault.ts';
import type { StdioUpstreamOptions } from '../upstream.ts';

/** What a stdio server is told: in a file that may be rewritten while it runs. */
export interface StdioConfig {
  readonly options: StdioUpstreamOptions;
  readonly faults: readonly StdioFault[];
  /** Grows whenever the faults are set anew. */
  readonly generation: number;
  /** Generated tools. */
  readonly tools: readonly string[];
  readonly journalPath: string;
}

/** Replaces the file in one step. */
export function writeStdioConfig(path: string, config: StdioConfig): void {
  writeFileSync(`${path}.next`, JSON.stringify(config));
  renameSync(`${path}.next`, path);
}

/** Reads a configuration and notices when it was replaced. */
export interface StdioConfigFile {
  readonly current: StdioConfig;
  /** Reads the file again when it is another one than last time; true when it was. */
  refresh(): boolean;
}

function read(path: string): StdioConfig {
  const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'));
  // Written by `writeStdioConfig` of this package only.
  // eslint-disable-next-line typescript/no-unsafe-type-assertion
  return parsed as StdioConfig;
}

/** Opens a configuration file. */
export function openStdioConfig(path: string): StdioConfigFile {
  const identify = (): string => {
    const { ino, mtimeNs } = statSync(path, { bigint: true });
    return `${ino}:${mtimeNs}`;
  };
  let identity = identify();
  let current = read(path);
  return {
    get current() {
      return current;
    },
    refresh() {
      const now = identify();
      if (now === identity) return false;
      identity = now;
      current = read(path);
      return true;
    },
  };
}
