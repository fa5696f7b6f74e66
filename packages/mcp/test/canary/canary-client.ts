import type { Json } from '../differential/raw-peer.ts';

/** One caller with a secret of its own, and everything that has ever reached it. */
export interface CanaryClient extends AsyncDisposable {
  readonly secret: string;
  /** Of a client that has one. */
  readonly session: string | undefined;
  /** All bytes that have arrived on any of its connections, as text. */
  received(): string;
  /** Answers what it is asked with its own secret. The last message for the call. */
  call(tool: string): Promise<Json>;
}

/** Every client uses the same ids and tokens, so that only the gateway can tell their answers apart. */
export const SAME_TOKEN = 1;

/** What a client answers to a request of a server: its own secret. */
export function answerTo(method: unknown, secret: string): Json {
  if (method === 'elicitation/create') return { action: 'accept', content: { reply: secret } };
  if (method === 'sampling/createMessage') {
    return { role: 'assistant', content: { type: 'text', text: secret }, model: 'none' };
  }
  return { roots: [{ uri: `file:///${secret}` }] };
}

/** Cuts an event stream into JSON messages as it arrives. */
export async function* sseMessages(
  body: ReadableStream<Uint8Array>,
  onText: (text: string) => void,
): AsyncGenerator<Json> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const text = decoder.decode(chunk, { stream: true });
    onText(text);
    rest += text;
    const events = rest.split(/\r?\n\r?\n/u);
    rest = events.pop() ?? '';
    for (const event of events) {
      const data = event
        .split(/\r?\n/u)
        .filter((line) => line.startsWith('data:'))
        .map((line) => line.slice('data:'.length).trim())
        .join('\n');
      if (data !== '') yield JSON.parse(data) as Json;
    }
  }
}

/** The messages of an answer, whether it is a stream or not. */
export async function* messagesOf(
  response: Response,
  onText: (text: string) => void,
): AsyncGenerator<Json> {
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
  if (isStream && response.body !== null) {
    yield* sseMessages(response.body, onText);
    return;
  }
  const text = await response.text();
  onText(text);
  if (text !== '') yield JSON.parse(text) as Json;
}
