/** What the hooks listen to. */
export type ExitEvent = 'beforeExit' | 'exit' | 'SIGTERM' | 'SIGINT';

/** The part of `process` that the hooks use. */
export interface HookedProcess {
  readonly pid: number;
  on(event: ExitEvent, listener: () => void): unknown;
  off(event: ExitEvent, listener: () => void): unknown;
  listenerCount(event: ExitEvent): number;
  kill(pid: number, signal: 'SIGTERM' | 'SIGINT'): unknown;
}

/** What is done when the process ends. */
export interface ExitActions {
  /** Makes everything durable; the registry stays usable. */
  readonly flush: () => Promise<void>;
  readonly close: () => Promise<void>;
  /** Synchronous last resort. */
  readonly flushNow: () => void;
  /** Told of failures, which must not keep the process from ending. */
  readonly onError: (error: unknown) => void;
}

const signals = ['SIGTERM', 'SIGINT'] as const;

/**
 * Writes what is left on `beforeExit`, SIGTERM, SIGINT and `exit` (defect 22). Where nobody else handles a signal, it
 * is raised again after closing, so that the process ends the way it would have. Where somebody does, that handler
 * decides when to stop, so only a flush is made. Returns the function that takes the hooks away.
 */
export function installExitHooks(process: HookedProcess, actions: ExitActions): () => void {
  const guarded = async (action: () => Promise<void>) => {
    try {
      await action();
    } catch (error) {
      actions.onError(error);
    }
  };
  const onBeforeExit = () => void guarded(actions.close);
  const onExit = () => {
    try {
      actions.flushNow();
    } catch (error) {
      actions.onError(error);
    }
  };
  const onSignal = async (signal: 'SIGTERM' | 'SIGINT') => {
    if (process.listenerCount(signal) > 1) {
      await guarded(actions.flush);
      return;
    }
    await guarded(actions.close);
    remove();
    process.kill(process.pid, signal);
  };
  const hooks: readonly (readonly [ExitEvent, () => void])[] = [
    ['beforeExit', onBeforeExit],
    ['exit', onExit],
    ...signals.map((signal) => [signal, () => void onSignal(signal)] as const),
  ];
  const remove = () => {
    for (const [event, listener] of hooks) process.off(event, listener);
  };
  for (const [event, listener] of hooks) process.on(event, listener);
  return remove;
}
