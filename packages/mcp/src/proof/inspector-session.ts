import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { HostFiles } from './host-files.ts';
import { connectInspector, evaluate, type InspectorClient } from './inspector-client.ts';
import { type ListeningPort, listeningPorts, type Refusal, refusalOf } from './inspector-port.ts';

/** The inspector of another process, open for as long as this is. */
export interface InspectorSession {
  readonly client: InspectorClient;
  readonly port: number;
  /** Somebody else had opened it: it is left open. */
  readonly wasOpen: boolean;
  /** Closes the inspector of the process, unless it was open before. Idempotent. */
  close(): Promise<void>;
}

export interface InspectorSessionOptions {
  readonly files: HostFiles;
  readonly pid: number;
  /** After so long the process closes its inspector by itself, should this program be gone. */
  readonly maxOpenMs: number;
}

/** The inspector of a process cannot be had; the message says what to do. */
export class InspectorError extends Error {
  readonly code: 'INSPECTOR_REFUSED' | 'INSPECTOR_CLOSED' | 'INSPECTOR_EXPOSED';
  constructor(code: InspectorError['code'], message: string) {
    super(message);
    this.name = 'InspectorError';
    this.code = code;
  }
}

const OPEN_MS = 5_000;
const POLL_MS = 50;
const ASK_MS = 1_000;
const CLOSE_MS = 2_000;

const REFUSALS: Readonly<Record<Refusal, string>> = {
  gone: 'there is no such process',
  'another-user': 'it belongs to another user: run this as that user',
  'no-handler':
    'SIGUSR1 would end it: it is no Node, or has --disable-sigusr1 among its options; name a gateway with --pid',
};

const targets = z.array(z.object({ webSocketDebuggerUrl: z.string() }));

/** Where to connect, when it is an inspector that listens there. */
async function debuggerUrl({ port }: ListeningPort): Promise<string | undefined> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/json/list`, {
      signal: AbortSignal.timeout(ASK_MS),
    });
    if (!response.ok) {
      await response.body?.cancel();
      return undefined;
    }
    const url = targets.parse(await response.json())[0]?.webSocketDebuggerUrl;
    // What is dialled is this machine, whatever the answer says.
    return url === undefined ? undefined : `ws://127.0.0.1:${port}${new URL(url).pathname}`;
  } catch {
    return undefined; // something else listens there
  }
}

interface Found extends ListeningPort {
  readonly url: string;
}

async function findInspector(files: HostFiles, pid: number): Promise<Found | undefined> {
  for (const place of await listeningPorts(files, pid)) {
    const url = await debuggerUrl(place);
    if (url !== undefined) return { ...place, url };
  }
  return undefined;
}

async function openInspector(files: HostFiles, pid: number): Promise<Found> {
  process.kill(pid, 'SIGUSR1');
  const startedAtMs = performance.now();
  while (performance.now() - startedAtMs < OPEN_MS) {
    const found = await findInspector(files, pid);
    if (found !== undefined) return found;
    await delay(POLL_MS);
  }
  throw new InspectorError(
    'INSPECTOR_CLOSED',
    `process ${pid} did not open its inspector within ${OPEN_MS / 1_000} s: its port may be taken ` +
      '(9229 unless --inspect-port says otherwise); its stderr says which',
  );
}

// Through a timer, so that the answer is sent before the connection goes. A later profile may take another port.
const closeAfter = (ms: number): string =>
  `clearTimeout(globalThis[Symbol.for('cortex.inspector')]);
   globalThis[Symbol.for('cortex.inspector')] = setTimeout(() => {
     process.getBuiltinModule('node:inspector').close();
     process.debugPort = 0;
   }, ${ms}).unref(); 0`;

async function connectTo(found: Found, pid: number): Promise<InspectorClient> {
  const client = await connectInspector(found.url);
  const answered = await evaluate(client, 'process.pid');
  if (answered === pid) return client;
  client.close();
  throw new InspectorError(
    'INSPECTOR_REFUSED',
    `the inspector at port ${found.port} is that of process ${String(answered)}, not of ${pid}`,
  );
}

/**
 * Opens the inspector of a process of this user by SIGUSR1, or finds the one that is open, and connects to it over
 * loopback. Linux only, as the port is found in `/proc`.
 * @throws InspectorError
 */
export async function openInspectorSession(
  options: InspectorSessionOptions,
): Promise<InspectorSession> {
  const { files, pid, maxOpenMs } = options;
  const refusal = await refusalOf(files, pid);
  if (refusal !== undefined) {
    throw new InspectorError(
      'INSPECTOR_REFUSED',
      `process ${pid} cannot be profiled: ${REFUSALS[refusal]}`,
    );
  }
  const open = await findInspector(files, pid);
  const wasOpen = open !== undefined;
  const found = open ?? (await openInspector(files, pid));
  const client = await connectTo(found, pid);
  const close = async (): Promise<void> => {
    if (!wasOpen) {
      // Fails only where the process or its inspector has gone.
      await evaluate(client, closeAfter(0)).catch(() => undefined);
      await Promise.race([client.ended, delay(CLOSE_MS)]);
    }
    client.close();
  };
  if (!wasOpen) {
    await evaluate(client, closeAfter(maxOpenMs));
    if (!found.isLoopback) {
      await close();
      throw new InspectorError(
        'INSPECTOR_EXPOSED',
        `the inspector of process ${pid} listens where other machines reach it and was closed again: ` +
          'take --inspect-port out of its options',
      );
    }
  }
  return { client, port: found.port, wasOpen, close };
}
