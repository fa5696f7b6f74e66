import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as OldTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { tempFolder, waitUntil, type TempFolder } from '@cortex-os/testkit';

const RUN_CLI = fileURLToPath(new URL('run-cli.ts', import.meta.url));

/** A home with a configuration, for programs that share it. */
export interface StdioHome extends AsyncDisposable {
  readonly config: string;
  readonly env: Record<string, string>;
  /** Arguments of `node` that run the program. */
  command(...words: string[]): string[];
}

/** @param port what the configuration says; 0 never meets a service of the machine. */
export async function stdioHome(mcpServers: object, port = 0): Promise<StdioHome> {
  const folder: TempFolder = tempFolder();
  const config = join(folder.path, 'cortex-mcp.json');
  await writeFile(config, JSON.stringify({ mcpServers, port, logLevel: 'warn' }));
  return {
    config,
    env: { PATH: process.env['PATH'] ?? '', CORTEX_HOME: folder.path, NO_COLOR: '1' },
    command: (...words) => ['--conditions=cortex-source', RUN_CLI, ...words, '--config', config],
    [Symbol.asyncDispose]: async () => await folder[Symbol.asyncDispose](),
  };
}

export const STDIO_MODES = ['v2 auto', 'v2 pinned', 'v2 legacy', 'v1'] as const;
export type StdioMode = (typeof STDIO_MODES)[number];
const NEGOTIATION = {
  'v2 auto': { mode: 'auto' },
  'v2 pinned': { mode: { pin: '2026-07-28' } },
  'v2 legacy': { mode: 'legacy' },
} as const;

/** What the tests use of an official client that started the program. */
export interface StdioClient extends AsyncDisposable {
  readonly pid: number;
  /** What the program wrote to stderr. */
  stderr(): string;
  tools(): Promise<string[]>;
  call(name: string, args?: Record<string, unknown>, signal?: AbortSignal): Promise<unknown>;
  progress(name: string, args: Record<string, unknown>): Promise<number[]>;
  serverName(): string | undefined;
  close(): Promise<void>;
}

interface Told {
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
}

/** Told of each message before the client is, until the returned function is called. */
function tapMessages(
  transport: OldTransport | StdioClientTransport,
  listener: (message: Told) => void,
): () => void {
  const onmessage: unknown = Reflect.get(transport, 'onmessage');
  if (typeof onmessage !== 'function') throw new TypeError('no client is connected');
  const tap = (message: Told): void => {
    listener(message);
    Reflect.apply(onmessage, transport, [message]);
  };
  Reflect.set(transport, 'onmessage', tap);
  return () => void Reflect.set(transport, 'onmessage', onmessage);
}

/** An official client whose server is `cortex-mcp stdio`, started by the client itself. */
export async function connectStdio(
  home: StdioHome,
  mode: StdioMode,
  ...words: string[]
): Promise<StdioClient> {
  const isOld = mode === 'v1';
  const params = {
    command: process.execPath,
    args: home.command('stdio', ...words),
    env: home.env,
    stderr: 'pipe' as const,
  };
  const transport = isOld ? new OldTransport(params) : new StdioClientTransport(params);
  let stderr = '';
  transport.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const info = { name: 'desktop', version: '0' };
  const client = isOld
    ? new OldClient(info)
    : new Client(info, { versionNegotiation: NEGOTIATION[mode] });
  // The two generations agree in what is used here.
  const any = client as Client;
  await any.connect(transport);
  const close = async (): Promise<void> => await any.close();
  return {
    pid: transport.pid ?? 0,
    stderr: () => stderr,
    tools: async () => (await any.listTools()).tools.map(({ name }) => name),
    call: async (name, args = {}, signal) => {
      const options = signal === undefined ? {} : { signal };
      return isOld
        ? await (client as OldClient).callTool({ name, arguments: args }, undefined, options)
        : await any.callTool({ name, arguments: args }, options);
    },
    progress: async (name, args) => {
      const seen: number[] = [];
      // Nothing is looked at here: the SDK forgets what it is told of when it reads the answer in the same piece.
      const options = { onprogress: () => undefined };
      const untap = tapMessages(transport, (message) => {
        if (message.method !== 'notifications/progress') return;
        seen.push(Number(message.params?.['progress']));
      });
      if (isOld)
        await (client as OldClient).callTool({ name, arguments: args }, undefined, options);
      else await any.callTool({ name, arguments: args }, options);
      untap();
      return seen;
    },
    serverName: () => any.getServerVersion()?.name,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** `cortex-mcp stdio` with its pipes in our hands. */
export interface RawStdio extends AsyncDisposable {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  /** Every line of stdout, parsed; a line that is no JSON fails the test. */
  readonly lines: Record<string, unknown>[];
  stderr(): string;
  write(...messages: (object | string)[]): void;
  /** The answer with that id, or the first message that a test is true for. */
  find(
    match: string | number | ((message: Record<string, unknown>) => boolean),
  ): Promise<Record<string, unknown>>;
  /** Closes stdin, and waits for the end. */
  end(): Promise<number | null>;
}

export function startRaw(home: StdioHome, ...words: string[]): RawStdio {
  const child = spawn(process.execPath, home.command('stdio', ...words), {
    env: home.env,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const lines: Record<string, unknown>[] = [];
  let stderr = '';
  let rest = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdout.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) lines.push(JSON.parse(part) as Record<string, unknown>);
  });
  child.stdin.on('error', () => undefined);
  const exited = once(child, 'exit');
  return {
    child,
    lines,
    stderr: () => stderr,
    write: (...messages) => {
      for (const one of messages) {
        child.stdin.write(`${typeof one === 'string' ? one : JSON.stringify(one)}\n`);
      }
    },
    find: async (match) => {
      const isIt = (message: Record<string, unknown>): boolean =>
        typeof match === 'function'
          ? match(message)
          : message['id'] === match && !('method' in message);
      const describe = `a message ${String(match)}; stderr: ${stderr}`;
      await waitUntil(() => lines.some(isIt), { timeoutMs: 15_000, describe });
      return lines.find(isIt) ?? {};
    },
    end: async () => {
      child.stdin.end();
      await exited;
      return child.exitCode;
    },
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await exited;
    },
  };
}

export const MODERN_META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '0' },
  'io.modelcontextprotocol/clientCapabilities': {},
} as const;

export function request(id: string | number, method: string, params: object = {}): object {
  return { jsonrpc: '2.0', id, method, params };
}

export function modern(id: string | number, method: string, params: object = {}): object {
  return request(id, method, { ...params, _meta: MODERN_META });
}

export const INITIALIZE: object = request('init', 'initialize', {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'raw', version: '0' },
});
export const INITIALIZED: object = { jsonrpc: '2.0', method: 'notifications/initialized' };
