import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { isAlive, waitUntil, type StdioUpstream } from '../../src/index.ts';

/** A started server without a client library in between. */
export interface RawChild extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Everything on stdout so far. */
  readonly stdout: string;
  readonly stderr: string;
  /** Whether stdout has ended. */
  readonly isStdoutClosed: boolean;
  send(message: Record<string, unknown>): void;
  /** Resolves once stdout contains the text. */
  until(text: string): Promise<void>;
  /** Resolves to the exit code or the signal. */
  readonly exit: Promise<number | string>;
}

export function startChild(upstream: StdioUpstream, env: Record<string, string> = {}): RawChild {
  const { command, args } = upstream.command;
  const child = spawn(command, args, { stdio: 'pipe', env: { ...process.env, ...env } });
  let stdout = '';
  let stderr = '';
  let isStdoutClosed = false;
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  child.stdout.once('end', () => {
    isStdoutClosed = true;
  });
  child.stdin.on('error', () => 'the child is gone');
  const pid = child.pid ?? 0;
  const exit = once(child, 'exit').then(
    ([code, signal]: (number | string | null)[]) => code ?? signal ?? 0,
  );
  return {
    child,
    pid,
    get stdout() {
      return stdout;
    },
    get stderr() {
      return stderr;
    },
    get isStdoutClosed() {
      return isStdoutClosed;
    },
    send(message) {
      child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
    },
    until: async (text) =>
      waitUntil(() => stdout.includes(text), { describe: `stdout has ${text}`, timeoutMs: 10_000 }),
    exit,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exit;
      await waitUntil(() => !isAlive(pid), { describe: `process ${pid} is gone` });
    },
  };
}

export const INITIALIZE = {
  id: 0,
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'raw', version: '0' },
  },
};

export const echo = (id: number, message = 'hello'): Record<string, unknown> => ({
  id,
  method: 'tools/call',
  params: { name: 'echo', arguments: { message } },
});
