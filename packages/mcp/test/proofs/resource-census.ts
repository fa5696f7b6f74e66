import { createHook } from 'node:async_hooks';
import { processTree } from '@cortex-os/testkit';

/** What a process holds, by kind. */
export type Census = Readonly<Record<string, number>>;

export interface ResourceCensus extends Disposable {
  /** Timers (unref'd ones too), sockets, pipes and child handles opened since this was created and still open. */
  opened(): Census;
  /** What keeps the event loop alive now, by the names of `process.getActiveResourcesInfo()`. */
  active(): Census;
  /** Listeners of `process`, by event. */
  listeners(): Census;
  /** Living descendants of this process. */
  children(): number;
  /** Warnings of the process since this was created, e.g. of too many listeners. */
  readonly warnings: readonly string[];
}

/** `getActiveResourcesInfo()` leaves out unref'd timers and handles; hooks see those, too. */
const HANDLES: ReadonlySet<string> = new Set([
  'FSEVENTWRAP',
  'PIPESERVERWRAP',
  'PIPEWRAP',
  'PROCESSWRAP',
  'TCPSERVERWRAP',
  'TCPWRAP',
  'Timeout',
]);

function countBy(names: Iterable<string>): Census {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

export function startCensus(): ResourceCensus {
  const open = new Map<number, string>();
  const hook = createHook({
    init: (id, type) => {
      if (HANDLES.has(type)) open.set(id, type);
    },
    destroy: (id) => void open.delete(id),
  }).enable();
  const warnings: string[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning.message);
  process.on('warning', onWarning);
  return {
    warnings,
    opened: () => countBy(open.values()),
    active: () => countBy(process.getActiveResourcesInfo()),
    listeners: () =>
      Object.fromEntries(
        process.eventNames().map((name) => [String(name), process.listenerCount(name)]),
      ),
    children: () => processTree(process.pid).length,
    [Symbol.dispose]: () => {
      hook.disable();
      process.off('warning', onWarning);
    },
  };
}
