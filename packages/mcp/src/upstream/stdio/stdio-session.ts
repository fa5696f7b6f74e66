import type { JsonObject, RawMember } from '../../protocol/message.ts';
import type { ConnectorDefinition, StdioTransport } from '../../connectors/connector.ts';
import { spawnChild } from '../process/child-process.ts';
import type { Environment } from '../process/child-process-env.ts';
import type { InterestTarget } from '../kept-interest.ts';
import type { Reaper } from '../process/reaper.ts';
import type { StdioCounters } from './stdio-call.ts';
import { StdioConnection } from './stdio-connection.ts';
import type { ClientInfo } from './stdio-envelope.ts';
import { createStdioInterest } from './stdio-interest.ts';
import { withMemory } from './stdio-memory.ts';
import { negotiate, type Verdict } from './stdio-negotiate.ts';
import type { RefusedQuestion } from '../upstream.ts';
import { UpstreamError } from '../upstream-error.ts';

export interface SessionOptions {
  readonly definition: ConnectorDefinition;
  readonly transport: StdioTransport;
  readonly era: 'auto' | 'modern' | 'legacy';
  readonly clientInfo: ClientInfo;
  /** What a legacy server may ask back. */
  readonly capabilities: JsonObject;
  /** One client has the process for itself. */
  readonly sole: boolean;
  readonly envelope: readonly RawMember[];
  readonly baseEnv: Environment;
  readonly reaper: Reaper;
  readonly probeMs: number;
  readonly maxLineBytes: number;
  readonly counters: StdioCounters;
  readonly notification: (method: string, text: string) => void;
  readonly refused: (why: RefusedQuestion) => void;
  readonly onStderr: (line: string) => void;
  /** The connection is over without our doing; during the handshake too. */
  readonly down: (error: UpstreamError) => void;
  /** The process runs; called before the handshake. */
  readonly onConnection: (connection: StdioConnection) => void;
}

export interface Session extends Verdict {
  readonly connection: StdioConnection;
  /** Takes what is wanted of the server beside answers. */
  readonly interest: InterestTarget;
}

/**
 * Starts the program and shakes hands, within the connector's `handshakeTimeoutMs` counted from the start.
 * A program that fails at this is ended, with its process group.
 * @throws UpstreamError, phase `spawn` or `handshake`.
 */
export async function openSession(options: SessionOptions): Promise<Session> {
  const { definition, transport } = options;
  const connectorId = definition.id;
  const child = await spawnChild({
    connectorId,
    command: transport.command,
    args: transport.args,
    env: withMemory(transport.env, definition.memory),
    cwd: transport.cwd,
    maxRssBytes: definition.maxRssBytes,
    baseEnv: options.baseEnv,
    reaper: options.reaper,
    onStderr: options.onStderr,
  });
  const connection = new StdioConnection(child, { ...options, connectorId });
  options.onConnection(connection);
  const { handshakeTimeoutMs } = definition.timeouts;
  const timer = setTimeout(() => {
    const last = child.stderr.lastLine();
    const message = `no handshake within ${handshakeTimeoutMs} ms${last === undefined ? '' : `; last line of stderr: ${last}`}`;
    const details = { connectorId, phase: 'handshake', unsent: true } as const;
    void connection.fail(new UpstreamError('TIMEOUT', message, details), false);
  }, handshakeTimeoutMs);
  try {
    const verdict = await negotiate(connection, { ...options, connectorId });
    connection.phase = 'ready';
    connection.requests.relays = verdict.info.era === 'legacy';
    const { listTimeoutMs: timeoutMs } = definition.timeouts;
    const { envelope } = options;
    const interest = createStdioInterest(connection, verdict.info, {
      connectorId,
      envelope,
      timeoutMs,
    });
    return { ...verdict, connection, interest };
  } catch (error) {
    const failure = asUpstreamError(error, connectorId);
    void connection.fail(failure, false);
    throw connection.failure ?? failure;
  } finally {
    clearTimeout(timer);
  }
}

function asUpstreamError(error: unknown, connectorId: string): UpstreamError {
  if (error instanceof UpstreamError) return error;
  return new UpstreamError('BAD_RESPONSE', `the handshake failed: ${String(error)}`, {
    connectorId,
    phase: 'handshake',
    cause: error,
    unsent: true,
  });
}
