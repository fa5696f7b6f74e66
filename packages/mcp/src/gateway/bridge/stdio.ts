import { RPC, errorObject, errorText } from '../../protocol/message.ts';
import { createMessageBridge, type MessageBridgeOptions } from './message-bridge.ts';

export type { BridgeTarget, HttpBridgeTarget } from './message-bridge.ts';

export interface ServeStdioOptions extends Pick<MessageBridgeOptions, 'locate' | 'random'> {
  readonly input: AsyncIterable<string | Uint8Array>;
  readonly output: {
    write(text: string): unknown;
    /** Bytes that the client has not taken yet; undefined when that cannot be known. */
    readonly unread?: number | undefined;
  };
  /** Aborted to end it before the client does. */
  readonly signal: AbortSignal;
}

/** Why serving ended. */
export type StdioEnd = 'closed' | 'signal' | 'unread';

/** One message of the client: 4 MiB (contract.md, sizes). */
const MAX_LINE_BYTES = 4 * 1_048_576;
/** What a client may leave unread before it is given up. */
const MAX_UNREAD_BYTES = 64 * 1_048_576;
/** How long requests may go on once the client has closed its end; clients kill after about two seconds. */
const DRAIN_MS = 1_000;

/** Cuts chunks into lines of at most `MAX_LINE_BYTES`; the rest of a longer one is skipped. */
function createSplitter(line: (text: string) => void, tooLong: () => void): LineSplitter {
  let parts: Buffer[] = [];
  let bytes = 0;

  function take(part: Buffer): void {
    bytes += part.length;
    if (bytes <= MAX_LINE_BYTES) parts.push(part);
    else parts = [];
  }

  function end(): void {
    if (bytes > MAX_LINE_BYTES) tooLong();
    else if (bytes > 0) {
      const text = Buffer.concat(parts, bytes)
        .toString('utf8')
        .replace(/^\uFEFF/, '');
      if (text.trim() !== '') line(text);
    }
    parts = [];
    bytes = 0;
  }

  return {
    push(chunk) {
      let start = 0;
      for (let at = chunk.indexOf(0x0a); at !== -1; at = chunk.indexOf(0x0a, start)) {
        take(chunk.subarray(start, at));
        end();
        start = at + 1;
      }
      take(chunk.subarray(start));
    },
    end,
  };
}

interface LineSplitter {
  push(chunk: Buffer): void;
  end(): void;
}

/**
 * Serves one desktop client over its pipes: every line is a message, in either era, and nothing but messages is
 * written (MCP, basic/transports, stdio). Ends when the client closes its end, on the signal, or when the client
 * leaves too much unread. Never rejects.
 */
export async function serveStdio(options: ServeStdioOptions): Promise<StdioEnd> {
  const { input, output, signal, locate, random } = options;
  const ended = Promise.withResolvers<StdioEnd>();
  const onAbort = (): void => ended.resolve('signal');
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  const bridge = createMessageBridge({
    locate,
    random,
    send: (text) => {
      output.write(`${text}\n`);
      if ((output.unread ?? 0) > MAX_UNREAD_BYTES) ended.resolve('unread');
    },
  });
  const refuse = (): void => {
    const problem = errorObject(
      RPC.invalidRequest,
      `a message is longer than ${MAX_LINE_BYTES} bytes`,
    );
    output.write(`${errorText('null', problem)}\n`);
  };
  const splitter = createSplitter((text) => bridge.receive(text), refuse);
  const read = async (): Promise<void> => {
    try {
      for await (const chunk of input) splitter.push(Buffer.from(chunk));
    } catch {
      // The pipe broke: as good as closed.
    }
    splitter.end();
    await bridge.drain(DRAIN_MS);
    ended.resolve('closed');
  };
  void read();
  const how = await ended.promise;
  signal.removeEventListener('abort', onAbort);
  await bridge.close();
  return how;
}
