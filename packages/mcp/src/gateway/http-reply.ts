import type { ServerResponse } from 'node:http';
import type { Reply } from './reply.ts';

/** Headers of every event stream we send: not cached, not transformed, not buffered by a proxy. */
export const STREAM_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

/** One frame of an event stream. Raw newlines can only be white space in JSON, and would end the frame. */
export function eventFrame(text: string): string {
  return `event: message\ndata: ${/[\r\n]/.test(text) ? text.replaceAll(/[\r\n]+/g, ' ') : text}\n\n`;
}

/** As `eventFrame` for bytes of a frame already begun; UTF-8 never has these bytes inside a character. */
function withoutNewlines(bytes: Buffer): Buffer {
  if (!bytes.includes(0x0a) && !bytes.includes(0x0d)) return bytes;
  const copy = Buffer.from(bytes);
  for (let i = 0; i < copy.length; i += 1) {
    if (copy[i] === 0x0a || copy[i] === 0x0d) copy[i] = 0x20;
  }
  return copy;
}

/**
 * Answers over HTTP: plain JSON, or an event stream as soon as there is something to say before the answer and
 * the client accepts one.
 */
export function createHttpReply(
  response: ServerResponse,
  acceptsStream: boolean,
  extraHeaders: Readonly<Record<string, string>> = {},
): Reply {
  let streaming = false;
  const startStream = (): void => {
    if (streaming) return;
    streaming = true;
    response.writeHead(200, { ...STREAM_HEADERS, ...extraHeaders });
  };
  return {
    notify: (text) => {
      if (!acceptsStream || response.writableEnded || response.destroyed) return;
      startStream();
      response.write(eventFrame(text));
    },
    answer: (status, body) => {
      if (response.writableEnded || response.destroyed) return;
      if (streaming) {
        response.end(eventFrame(typeof body === 'string' ? body : body.toString('utf8')));
        return;
      }
      response.writeHead(status, {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        ...extraHeaders,
      });
      response.end(body);
    },
    open: () => {
      if (streaming) response.write('event: message\ndata: ');
      else response.writeHead(200, { 'content-type': 'application/json', ...extraHeaders });
    },
    chunk: (bytes) => response.write(streaming ? withoutNewlines(bytes) : bytes),
    end: () => {
      response.end(streaming ? '\n\n' : undefined);
    },
    abort: () => {
      response.destroy();
    },
    drop: () => {
      if (response.writableEnded || response.destroyed) return;
      startStream();
      response.end();
    },
    onDrain: (listener) => {
      response.on('drain', listener);
    },
    onGone: (listener) => {
      response.once('close', () => {
        if (!response.writableFinished) listener();
      });
    },
  };
}
