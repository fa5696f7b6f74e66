import type { ServerResponse } from 'node:http';
import { asking } from './asking-server.ts';
import type { Answer, Seen } from './http-fixture.ts';

/** Writes events as a server with an event store does. */
export function events(response: ServerResponse, ...frames: readonly string[]): void {
  if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const frame of frames) response.write(`${frame}\n\n`);
}

/** One message as an event without an id. */
export const data = (message: object): string =>
  `data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}`;
/** After which event a stream is to be taken up again. */
export const lastEventId = (seen: Seen): string | undefined => {
  const id = seen.headers['last-event-id'];
  return typeof id === 'string' ? id : undefined;
};

/** The GETs that take an answer up again are `onResume`'s. */
export function resumable(onCall: Answer, onResume: Answer): Answer {
  return asking(onCall, (seen, response) =>
    lastEventId(seen) === undefined ? void response.writeHead(405).end() : onResume(seen, response),
  );
}

/** Ends the stream after an event without data. */
export const cutAfterOne: Answer = (_seen, response) => {
  events(response, 'id: e1\ndata:');
  response.end();
};

/** The same, and says when it wants to be asked again. */
export const retryAfterOne: Answer = (_seen, response) => {
  events(response, 'id: e1\nretry: 1\ndata:');
  response.end();
};
