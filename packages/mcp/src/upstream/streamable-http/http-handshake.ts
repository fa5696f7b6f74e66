import type { ConnectorDefinition } from '../../connectors/connector.ts';
import type { EraMemory } from './era-memory.ts';
import type { ChannelHost, HttpChannel } from './http-channel.ts';
import { pauseFor } from './http-pause.ts';
import { memoryKeyOf, type ClientIdentity } from './http-wire.ts';
import { negotiate } from './negotiate.ts';
import { UpstreamError, type ConnectorPhase } from '../upstream-error.ts';

/** The least time between two handshakes from the second lost session in a row, plus up to as much jitter. */
const SESSION_FLOOR_MS = 250;

export interface OpenChannelOptions {
  readonly definition: Pick<ConnectorDefinition, 'era' | 'timeouts'>;
  readonly memory: EraMemory;
  readonly clientInfo: ClientIdentity;
  /** Sessions were lost in a row: this one must wait. */
  readonly mustPause: boolean;
  /** Its lists are wanted next. */
  readonly listsNext: boolean;
  /** As that of `UpstreamEvents`. */
  readonly willCheckLists: (() => boolean) | undefined;
  /** The server is about to be asked for its era. */
  readonly probing: () => void;
  /** The server took the connection and a request is on its way. */
  readonly sent: () => void;
}

/**
 * Shakes hands within the connector's `handshakeTimeoutMs`, in whichever era the server speaks.
 * @throws UpstreamError; the reason of `abort` when that ends it.
 */
export async function openChannel(
  host: ChannelHost,
  abort: AbortController,
  options: OpenChannelOptions,
): Promise<HttpChannel> {
  const { definition, memory, clientInfo } = options;
  const { connectorId } = host.wire;
  const timeoutMs = definition.timeouts.handshakeTimeoutMs;
  const dueAtMs = performance.now() + timeoutMs;
  let phase: ConnectorPhase = 'connect';
  const timer = setTimeout(() => {
    const message = `the handshake took longer than ${timeoutMs} ms`;
    abort.abort(new UpstreamError('TIMEOUT', message, { connectorId, phase }));
  }, timeoutMs);
  timer.unref();
  try {
    if (options.mustPause) await pauseFor(SESSION_FLOOR_MS * (1 + host.random()), abort.signal);
    return await negotiate(host, {
      era: definition.era,
      clientInfo,
      memory,
      memoryKey: memoryKeyOf(host.wire),
      listsNext: options.listsNext,
      willCheckLists: options.willCheckLists,
      dueAtMs,
      onProbe: options.probing,
      timeoutMs,
      signal: abort.signal,
      onSent: () => {
        phase = 'handshake';
        options.sent();
      },
    });
  } finally {
    clearTimeout(timer);
  }
}
