import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { StdioFault } from '../fault.ts';
import { isAlive } from '../process-tree.ts';
import { tempFolder, type TempFolder } from '../temp-folder.ts';
import { createUpstreamCounter } from '../upstream-counter.ts';
import type { StdioUpstream, StdioUpstreamOptions, UpstreamCounts } from '../upstream.ts';
import { waitUntil } from '../wait-until.ts';
import { writeStdioConfig, type StdioConfig } from './stdio-config.ts';
import { createStdioJournal, type JournalEvent } from './stdio-journal.ts';

// Run from source or from dist: the script beside this folder, with the same ending as this file.
const IS_SOURCE = import.meta.url.endsWith('.ts');
const SCRIPT = fileURLToPath(
  new URL(IS_SOURCE ? '../stdio-server.ts' : '../stdio-server.js', import.meta.url),
);
const NODE_ARGS = IS_SOURCE ? ['--disable-warning=ExperimentalWarning', SCRIPT] : [SCRIPT];

function countEvents(events: readonly JournalEvent[]): UpstreamCounts {
  const counter = createUpstreamCounter();
  for (const event of events) {
    if (event.kind === 'started' && event.role === 'server') counter.connection();
    if (event.kind === 'aborted') counter.aborted();
    if (event.kind === 'request') {
      counter.request(event.method === undefined ? [] : [event.method]);
    }
  }
  return counter.snapshot();
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself in the meantime.
  }
}

interface Paths {
  readonly folder: TempFolder;
  readonly journal: string;
  readonly config: string;
}

function createPaths(): Paths {
  const folder = tempFolder('testkit-stdio-');
  const journal = join(folder.path, 'journal.jsonl');
  // In a folder of its own: servers watch it, and the journal changes with every request.
  const configFolder = join(folder.path, 'config');
  mkdirSync(configFolder);
  writeFileSync(journal, '');
  return { folder, journal, config: join(configFolder, 'config.json') };
}

/** Prepares a real stdio server; whoever runs its `command` starts it. */
export function createStdioUpstream(options: StdioUpstreamOptions): StdioUpstream {
  const paths = createPaths();
  const { kind, name = kind, faults = [], toolCount = 0 } = options;
  const journal = createStdioJournal(paths.journal);
  let isClosed = false;
  let events: readonly JournalEvent[] = [];
  const readEvents = (): readonly JournalEvent[] => {
    if (!isClosed) events = journal.read();
    return events;
  };

  let config: StdioConfig = {
    options,
    faults,
    generation: 0,
    tools: Array.from({ length: toolCount }, (_, index) => `tool_${index}`),
    journalPath: paths.journal,
  };
  function update(change: Partial<StdioConfig>): void {
    config = { ...config, ...change };
    writeStdioConfig(paths.config, config);
  }
  update({});

  const processes = (): number[] =>
    readEvents()
      .filter((event) => event.kind === 'started')
      .map(({ pid }) => pid)
      .filter((pid) => isAlive(pid));

  async function killAll(): Promise<void> {
    for (const pid of processes()) kill(pid);
    await waitUntil(() => processes().length === 0, { describe: `${name} has no process left` });
  }

  async function close(): Promise<void> {
    if (isClosed) return;
    await killAll();
    isClosed = true;
    await paths.folder.remove();
  }

  return {
    transport: 'stdio',
    kind,
    name,
    command: { command: process.execPath, args: [...NODE_ARGS, paths.config] },
    get counts() {
      return countEvents(readEvents());
    },
    processes,
    setFaults(next: readonly StdioFault[]) {
      update({ faults: next, generation: config.generation + 1 });
    },
    setTools(names) {
      update({ tools: names });
    },
    restart: killAll,
    close,
    [Symbol.asyncDispose]: close,
  };
}
