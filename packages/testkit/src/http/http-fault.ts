import { pipeline, Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { oversizeAnswer } from '../alter-answer.ts';
import type { HttpFault, Oversize, Status } from '../fault.ts';
import { alter, cutStream, pace, stopAfter } from './body-shapes.ts';
import type { FrontRequest } from './engine.ts';
import type { BodyShape, FrontResponse } from './front-response.ts';

const DEFAULT_LINE_BYTES = 64 * 1024;

/** `pass`: the real server answers (through a shape); `taken`: the fault deals with the request. */
export type FaultOutcome = 'pass' | 'taken';

function resetConnection(response: FrontResponse): void {
  response.socket?.resetAndDestroy();
}

interface SessionError {
  readonly status: number;
  readonly code: number;
  readonly message: string;
}

function answerSessionError(response: FrontResponse, { status, ...error }: SessionError): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ jsonrpc: '2.0', error, id: null }));
}

const DEFAULT_STATUS_HEADERS: Readonly<Record<number, Readonly<Record<string, string>>>> = {
  401: { 'www-authenticate': 'Bearer' },
  429: { 'retry-after': '1' },
  503: { 'retry-after': '1' },
};

function answerStatus(response: FrontResponse, fault: Status): void {
  const { status, body = '', contentType = 'text/plain' } = fault;
  const headers = fault.headers ?? DEFAULT_STATUS_HEADERS[status] ?? {};
  response.writeHead(status, { 'content-type': contentType, ...headers });
  response.end(body);
}

function done(): void {
  // A client that stops reading ends the pipeline early; that is what the fault is for.
}

function oversize(request: FrontRequest, response: FrontResponse, fault: Oversize): void {
  const source = Readable.from(oversizeAnswer(request.message?.['id'], fault.bytes));
  const zip = fault.gzip === true;
  response.writeHead(200, {
    'content-type': 'application/json',
    ...(zip ? { 'content-encoding': 'gzip' } : {}),
  });
  if (zip) pipeline(source, createGzip(), response, done);
  else pipeline(source, response, done);
}

function endlessLine(response: FrontResponse, bytes: number = DEFAULT_LINE_BYTES): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(`data: ${'x'.repeat(bytes)}`);
}

const SESSION_ERRORS = {
  'session-404': { status: 404, code: -32_001, message: 'Session not found' },
  'session-400': {
    status: 400,
    code: -32_000,
    message: 'Bad Request: No valid session ID provided',
  },
} as const;

/** For faults that let the real server answer: what becomes of its answer. */
function shapeFor(fault: HttpFault, response: FrontResponse): BodyShape | undefined {
  if (fault.kind === 'hang-mid-body') return stopAfter(response, fault.afterBytes, () => undefined);
  if (fault.kind === 'reset' && fault.at === 'mid-body') {
    return stopAfter(response, fault.afterBytes, () => resetConnection(response));
  }
  if (fault.kind === 'slow-bytes') return pace(response, fault.bytesPerSecond);
  if (fault.kind === 'sse-cut') return cutStream(response);
  if (fault.kind === 'odd-content' && fault.form !== 'endless-line') {
    return alter(response, fault.form);
  }
  return undefined;
}

/** For all others: what the client gets instead. The hanging kinds send nothing. */
function answerInstead(fault: HttpFault, request: FrontRequest, response: FrontResponse): void {
  if (fault.kind === 'reset') resetConnection(response);
  if (fault.kind === 'status') answerStatus(response, fault);
  if (fault.kind === 'session-404' || fault.kind === 'session-400') {
    answerSessionError(response, SESSION_ERRORS[fault.kind]);
  }
  if (fault.kind === 'oversize') oversize(request, response, fault);
  if (fault.kind === 'odd-content') endlessLine(response, fault.bytes);
}

/** Plays one fault in front of the real server. */
export function playHttpFault(
  fault: HttpFault,
  request: FrontRequest,
  response: FrontResponse,
): FaultOutcome {
  const shape = shapeFor(fault, response);
  if (shape === undefined) {
    answerInstead(fault, request, response);
    return 'taken';
  }
  response.shapeWith(shape);
  return 'pass';
}
