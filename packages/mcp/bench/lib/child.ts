import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { basename, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** How long one may take to end in order; a service gives its connectors 10 s. */
const END_MS = 20_000;

/** A process of the bench that answers one message with one message. */
export interface BenchChild<Command, Answer> extends AsyncDisposable {
  readonly process: ChildProcess;
  /** Sends a command and waits for its answer; one at a time. */
  ask(command: Command): Promise<Answer>;
  /** @throws Error when it has to be killed. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a script of `bench/lib` on this Node, from its sources; or a file, as it is. */
export function startChild<Command, Answer>(
  script: string,
  execArgv: readonly string[] = [],
): BenchChild<Command, Answer> {
  const file = isAbsolute(script) ? script : fileURLToPath(new URL(script, import.meta.url));
  const child = fork(file, {
    execArgv: ['--conditions=cortex-source', ...execArgv],
    env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'cortex-mcp-bench-cache') },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  return {
    process: child,
    async ask(command) {
      const ended = new AbortController();
      const answered = once(child, 'message', { signal: ended.signal });
      const died = once(child, 'exit', { signal: ended.signal }).then(() => {
        throw new Error(`${script} ended without an answer`);
      });
      try {
        child.send(command as object);
        const [answer] = (await Promise.race([answered, died])) as [Answer];
        return answer;
      } finally {
        ended.abort();
        await Promise.allSettled([answered, died]);
      }
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      // In order, so that what it compiled is kept for the next one, as the program does it.
      child.disconnect();
      const late = setTimeout(() => child.kill('SIGKILL'), END_MS);
      await ended;
      clearTimeout(late);
      if (child.signalCode === 'SIGKILL')
        throw new Error(`${basename(script)} did not end within ${END_MS / 1_000} s`);
    },
  };
}
