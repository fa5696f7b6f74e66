import type { ServerResponse } from 'node:http';
import type { IncomingMessage } from '../../protocol/json-rpc.ts';
import { ProtocolError, RPC, errorObject } from '../../protocol/message.ts';
import { errorStatus } from '../call/era.ts';
import { modernStatus } from '../modern.ts';
import { BodyError } from './read-body.ts';
import { setRetryAfter } from './retry-after.ts';
import { sendError } from './send-error.ts';

/** The request that failed, as far as it was understood. */
export interface FailedRequest {
  readonly message: IncomingMessage | undefined;
  readonly modern: boolean;
  /** Told of failures that are ours: a bug, not a bad request. */
  readonly onInternalError: (error: unknown) => void;
}

/** Answers a request with the error it ended in. */
export function sendFailure(
  error: unknown,
  response: ServerResponse,
  { message, modern, onInternalError }: FailedRequest,
): void {
  if (error instanceof BodyError) {
    sendError(response, error.status, null, errorObject(RPC.invalidRequest, error.message));
    return;
  }
  const known = message?.kind === 'request' ? message.id : null;
  if (error instanceof ProtocolError) {
    const rejected = message === undefined || error.rpcCode === RPC.invalidRequest;
    const legacyStatus = rejected ? 400 : errorStatus(error.rpcCode, 'legacy');
    const status = modern ? modernStatus(error) : legacyStatus;
    const text = errorObject(error.rpcCode, error.message, error.data);
    const retryAfterMs = error.data?.['retryAfterMs'];
    if (typeof retryAfterMs === 'number') setRetryAfter(response, retryAfterMs);
    sendError(response, status, error.id ?? known, text);
    return;
  }
  onInternalError(error);
  sendError(response, 500, known, errorObject(RPC.internalError, 'Internal error'));
}
