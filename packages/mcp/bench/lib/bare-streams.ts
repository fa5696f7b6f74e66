import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { ACCOUNTED } from './account.ts';

const SCRIPT = fileURLToPath(new URL('bare-streams.cjs', import.meta.url));

/** `node:http` that opens a stream for every request: plain JavaScript in a process with nothing else. */
export interface BareStreams extends AsyncDisposable {
  readonly url: string;
  readonly child: ChildProcess;
}

/** Starts one that keeps an account of itself. */
export async function startBareStreams(): Promise<BareStreams> {
  const child: ChildProcess = spawn(process.execPath, [...ACCOUNTED, SCRIPT], {
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
  });
  if (child.stdout === null) throw new TypeError('it was started without standard output');
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  return {
    url: said.toString().trim(),
    child,
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}
