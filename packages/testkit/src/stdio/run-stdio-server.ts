import { watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { createFaultPlan, type FaultPlan } from '../fault-plan.ts';
import type { Crash, StdioFault } from '../fault.ts';
import { createFeatureSet } from '../features/feature-set.ts';
import { serveStdioKind, type ServedStdio } from './serve-stdio.ts';
import { openStdioConfig, type StdioConfigFile } from './stdio-config.ts';
import { createStdioFront } from './stdio-front.ts';
import { countMet, createStdioJournal, type StdioJournal } from './stdio-journal.ts';

/** The process around the server, so that it can also be run inside another one. */
export interface StdioProcess {
  readonly pid: number;
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly readEnv: (name: string) => string | undefined;
  readonly closeStdout: () => void;
  /** Ends the process as the fault says. */
  readonly crash: (fault: Crash) => void;
  readonly ignoreSigterm: () => void;
  /** Keeps the process alive without its stdin. */
  readonly stayAlive: () => void;
  /** Starts one idle child and returns its pid. */
  readonly startChild: () => number | undefined;
}

/** A server on stdio while it runs. */
export interface RunningStdioServer {
  close(): Promise<void>;
}

function planOf({ current }: StdioConfigFile, journal: StdioJournal): FaultPlan<StdioFault> {
  const { faults, generation } = current;
  return createFaultPlan(faults, {
    met: countMet(journal.read(), generation),
    onMet: (index) => journal.append({ kind: 'met', generation, index }),
  });
}

/** What happens before the first byte is read; false when the process was told to end. */
function start(plan: FaultPlan<StdioFault>, process: StdioProcess): boolean {
  const crash = plan.find('crash');
  if (crash?.at === 'start' && plan.meet(crash)) {
    process.crash(crash);
    return false;
  }
  const never = plan.find('never-handshake');
  if (never?.ignoreSigterm === true) process.ignoreSigterm();
  if (never?.ignoreStdinClose === true) process.stayAlive();
  return true;
}

function noteStarted(journal: StdioJournal, process: StdioProcess, children: number): void {
  journal.append({ kind: 'started', role: 'server', pid: process.pid });
  for (let child = 0; child < children; child += 1) {
    const pid = process.startChild();
    if (pid !== undefined) journal.append({ kind: 'started', role: 'child', pid });
  }
}

/**
 * Serves MCP on the given process's streams as the configuration file says, and follows its changes. Resolves to
 * undefined when a fault ended the process at its start.
 */
export async function runStdioServer(
  configPath: string,
  process: StdioProcess,
): Promise<RunningStdioServer | undefined> {
  const file = openStdioConfig(configPath);
  const { options, journalPath, tools } = file.current;
  const { kind, name = kind, latencyMs = 0, pageSize, grandchildren = 0 } = options;
  const journal = createStdioJournal(journalPath);
  noteStarted(journal, process, grandchildren);
  let plan = planOf(file, journal);
  if (!start(plan, process)) return undefined;

  const onAborted = (): void => journal.append({ kind: 'aborted' });
  const { readEnv, closeStdout, crash } = process;
  const features = createFeatureSet({ name, toolCount: 0, pageSize, onAborted, readEnv });
  features.setTools(tools);
  let served: ServedStdio | undefined;

  function refresh(): void {
    const before = file.current;
    if (!file.refresh()) return;
    if (before.generation !== file.current.generation) plan = planOf(file, journal);
    if (before.tools.join('\n') === file.current.tools.join('\n')) return;
    features.setTools(file.current.tools);
    served?.announceTools();
  }

  const front = createStdioFront({
    stdin: process.stdin,
    stdout: process.stdout,
    closeStdout,
    latencyMs,
    crash,
    onRequest: (method) => journal.append({ kind: 'request', method }),
    plan() {
      refresh();
      return plan;
    },
  });
  const { stdin, stdout } = front;
  served = await serveStdioKind({ kind, features, hints: options, stdin, stdout });
  const watcher = watch(dirname(configPath), { persistent: false }, (_event, changed) => {
    if (changed === basename(configPath)) refresh();
  });
  return {
    async close() {
      watcher.close();
      front.stop();
      await served.close();
    },
  };
}
