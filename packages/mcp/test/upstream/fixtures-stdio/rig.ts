import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, vi } from 'vitest';
import type { ConnectorDefinition } from '../../../src/connectors/connector.ts';
import type { RawMember } from '../../../src/protocol/message.ts';
import { createReaper } from '../../../src/upstream/process/reaper.ts';
import {
  createStdioUpstream,
  type StdioUpstream,
  type StdioUpstreamOptions,
} from '../../../src/upstream/stdio/stdio-upstream.ts';
import type { UpstreamError } from '../../../src/upstream/upstream-error.ts';
import {
  OWN_CALLER,
  type ForwardRequest,
  type ForwardSink,
  type ServerRequest,
} from '../../../src/upstream/upstream.ts';
import { serverDefinition } from './server-definition.ts';

// Real processes on a busy machine; nothing here waits for its own sake.
vi.setConfig({ testTimeout: 30_000 });

const reaper = createReaper();
const opened: StdioUpstream[] = [];

/** A signal that never aborts. */
export const never: AbortSignal = new AbortController().signal;
/** Removed when the test file is done. */
export const folder: string = mkdtempSync(join(tmpdir(), 'stdio-upstream-'));

afterEach(async () => {
  await Promise.all(opened.splice(0).map(async (upstream) => upstream.close()));
});

afterAll(async () => {
  await reaper.close();
  rmSync(folder, { recursive: true, force: true });
});

export interface Rig {
  readonly upstream: StdioUpstream;
  readonly notifications: Array<readonly [method: string, text: string]>;
  readonly closed: UpstreamError[];
  readonly stderr: string[];
}

/** An upstream on `server.ts` with these arguments, closed after the test. */
export function open(
  args: readonly string[],
  options: Partial<StdioUpstreamOptions> = {},
  changes: Partial<ConnectorDefinition> = {},
): Rig {
  const notifications: Rig['notifications'] = [];
  const closed: UpstreamError[] = [];
  const stderr: string[] = [];
  const upstream = createStdioUpstream(serverDefinition('one', args, changes), {
    events: {
      notification: (method, text) => void notifications.push([method, text]),
      closed: (error) => void closed.push(error),
    },
    clientInfo: { name: 'test', version: '0' },
    baseEnv: process.env,
    reaper,
    random: () => 0,
    onStderr: (line) => void stderr.push(line),
    ...options,
  });
  opened.push(upstream);
  return { upstream, notifications, closed, stderr };
}

export function members(params: object): RawMember[] {
  return Object.entries(params).map(([key, value]) => ({ key, text: JSON.stringify(value) }));
}

/** The object that is written in `text`. */
export function parsed(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text);
  return Object.fromEntries(Object.entries(Object(value)));
}

/** Asks the fixture to do something. */
export async function ask(
  upstream: StdioUpstream,
  params: object,
): Promise<Record<string, unknown>> {
  const options = { signal: never, timeoutMs: 10_000 };
  return parsed(await upstream.request('test', members(params), options));
}

/** Every line the fixture has read so far. */
export async function received(upstream: StdioUpstream): Promise<string[]> {
  const { received: lines } = await ask(upstream, { do: 'received' });
  return Array.isArray(lines) ? lines.map(String) : [];
}

export type Outcome = readonly [kind: string, value: string | UpstreamError];

export interface Heard {
  readonly sink: ForwardSink;
  readonly notifications: string[];
  /** What the server asked the client. */
  readonly requests: ServerRequest[];
  readonly outcome: Promise<Outcome>;
}

function notForStdio(): never {
  return expect.unreachable('stdio answers come in one piece');
}

/** A sink that records, and throws when it hears more than one outcome. */
export function listen(): Heard {
  const notifications: string[] = [];
  const requests: ServerRequest[] = [];
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  let outcomes = 0;
  const settle = (kind: string, value: string | UpstreamError): void => {
    outcomes += 1;
    if (outcomes > 1) throw new Error(`a second outcome: ${kind}`);
    resolve([kind, value]);
  };
  const sink: ForwardSink = {
    notification: (text) => void notifications.push(text),
    request: (request) => void requests.push(request),
    result: (raw, era) => settle(`result ${era}`, raw.toString()),
    error: (text, era) => settle(`error ${era}`, text),
    fail: (error) => settle('fail', error),
    whole: notForStdio,
    open: notForStdio,
    chunk: notForStdio,
    end: notForStdio,
  };
  return { notifications, requests, outcome: promise, sink };
}

export function call(params: object, changes: Partial<ForwardRequest> = {}): ForwardRequest {
  return {
    id: 'client-1',
    method: 'test',
    members: members(params),
    meta: [],
    name: undefined,
    paramHeaders: {},
    clientEra: 'legacy',
    caller: OWN_CALLER,
    ...changes,
  };
}
