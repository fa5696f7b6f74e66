import { createParser } from 'eventsource-parser';

/** A modern client's `subscriptions/listen`, frame by frame. */
export interface ListenClient extends AsyncDisposable {
  /** The next message; rejects when the stream ends first. */
  next(): Promise<unknown>;
}

/** Opens a listen with the id `L1` on a modern endpoint. */
export async function openListen(
  url: string,
  notifications: object,
  capabilities: object = {},
): Promise<ListenClient> {
  const abort = new AbortController();
  const meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': capabilities,
  };
  const params = { notifications, _meta: meta };
  const response = await fetch(url, {
    method: 'POST',
    signal: abort.signal,
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'subscriptions/listen',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 'L1', method: 'subscriptions/listen', params }),
  });
  const frames: unknown[] = [];
  const parser = createParser({ onEvent: ({ data }) => void frames.push(JSON.parse(data)) });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  return {
    async next() {
      while (frames.length === 0) {
        const { value, done } = (await reader?.read()) ?? { value: undefined, done: true };
        if (done) throw new Error('the stream has ended');
        parser.feed(value);
      }
      return frames.shift();
    },
    async [Symbol.asyncDispose]() {
      abort.abort();
      await reader?.cancel().catch(() => {
        // Aborted already.
      });
    },
  };
}
