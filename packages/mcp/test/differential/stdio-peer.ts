import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  asJson,
  CLIENT_INFO,
  EVERY_CAPABILITY,
  LEGACY,
  parseJson,
  requestText,
  toExchange,
  type Json,
  type RawPeer,
} from './raw-peer.ts';

export interface StdioCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

interface Waiting {
  readonly messages: Json[];
  readonly done: () => void;
}

/** Speaks revision 2025-11-25 to a process of its own. */
export async function connectStdio({ command, args, env }: StdioCommand): Promise<RawPeer> {
  const child = spawn(command, args, {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  let waiting: (Waiting & { readonly id: number }) | undefined;
  function take(line: string): void {
    const message = parseJson(line);
    waiting?.messages.push(message);
    if (message['id'] === waiting?.id && !('method' in message)) waiting?.done();
  }
  let rest = '';
  // Not readline: it also ends lines at U+2028, which JSON may hold.
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(line);
  });

  async function send(id: number, text: string): Promise<readonly Json[]> {
    const messages: Json[] = [];
    const answered = new Promise<void>((resolve) => {
      waiting = { id, messages, done: resolve };
    });
    child.stdin.write(`${text}\n`);
    await answered;
    return messages;
  }
  const initialize = {
    jsonrpc: '2.0',
    id: 0,
    method: 'initialize',
    params: { protocolVersion: LEGACY, capabilities: EVERY_CAPABILITY, clientInfo: CLIENT_INFO },
  };
  const opened = await send(0, JSON.stringify(initialize));
  child.stdin.write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n');
  let lastId = 0;
  return {
    hello: asJson(opened.find(({ id }) => id === 0)?.['result']),
    async ask(request) {
      lastId += 1;
      const id = lastId;
      return toExchange(
        id,
        undefined,
        await send(id, requestText(id, request, request.meta ?? '')),
      );
    },
    [Symbol.asyncDispose]: async () => {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}
