import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const script = fileURLToPath(new URL('./child-main.ts', import.meta.url));

export interface Child {
  readonly process: ChildProcess;
  /** Lines the child printed so far. */
  readonly lines: string[];
  /** Resolves when the child printed a line that starts with this. */
  readonly said: (start: string) => Promise<string>;
  /** Resolves with code and signal once the child is gone and all it printed was read. */
  readonly ended: Promise<{ code: number | null; signal: string | null }>;
  readonly stderr: () => string;
}

export interface ChildOptions {
  /** Program and arguments that run the child, such as `strace`. */
  readonly under?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs one of the roles of `child-main.ts`; it is killed when the test ends. */
export function startChild(role: string, folder: string, options: ChildOptions = {}): Child {
  const own = [process.execPath, script, role, folder];
  const [program = '', ...rest] = (options.under ?? []).concat(own);
  const child = spawn(program, rest, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  });
  const lines: string[] = [];
  const listeners = new Set<() => void>();
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    for (const listener of listeners) listener();
  });
  const ended = once(child, 'close').then(([code, signal]: unknown[]) => {
    for (const listener of listeners) listener();
    return {
      code: typeof code === 'number' ? code : null,
      signal: typeof signal === 'string' ? signal : null,
    };
  });
  let over = false;
  void ended.then(() => (over = true));
  onTestFinished(async () => {
    if (!over) child.kill('SIGKILL');
    await ended;
  });
  const said = async (start: string) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        const line = lines.find((one) => one.startsWith(start));
        if (line !== undefined) resolve(line);
        else if (over) reject(new Error(`the child ended without saying ${start}: ${stderr}`));
        else return;
        listeners.delete(look);
      };
      listeners.add(look);
      void ended.then(() => setImmediate(look));
      look();
    });
  return { process: child, lines, said, ended, stderr: () => stderr };
}
