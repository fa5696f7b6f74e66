import { UpstreamError, type ConnectorPhase, type UpstreamErrorCode } from '../upstream-error.ts';

/** Whose exchange failed, and at what. */
export interface Where {
  readonly connectorId: string;
  readonly phase: ConnectorPhase;
}

interface Translation {
  readonly code: UpstreamErrorCode;
  readonly message: string;
}

/** What undici and Node call things once the request is on its way. Everything else is a cut connection. */
const AFTER_SENDING: ReadonlyMap<string, Translation> = new Map([
  ['UND_ERR_HEADERS_TIMEOUT', { code: 'TIMEOUT', message: 'the server sent no response in time' }],
  ['UND_ERR_BODY_TIMEOUT', { code: 'TIMEOUT', message: 'the server stopped sending its response' }],
  [
    'UND_ERR_HEADERS_OVERFLOW',
    { code: 'TOO_LARGE', message: 'the response headers are too large' },
  ],
  ['UND_ERR_DESTROYED', { code: 'CLOSED', message: 'the connection was closed by us' }],
  ['UND_ERR_CLOSED', { code: 'CLOSED', message: 'the connection was closed by us' }],
  ['UND_ERR_ABORTED', { code: 'CLOSED', message: 'the request was aborted by us' }],
]);

const BEFORE_SENDING: ReadonlyMap<string, Translation> = new Map([
  [
    'UND_ERR_CONNECT_TIMEOUT',
    { code: 'CONNECT_TIMEOUT', message: 'the server did not accept the connection in time' },
  ],
  ['ETIMEDOUT', { code: 'CONNECT_TIMEOUT', message: 'the server did not accept the connection' }],
  ['ECONNREFUSED', { code: 'CONNECT_FAILED', message: 'the server refused the connection' }],
  ['ENOTFOUND', { code: 'CONNECT_FAILED', message: 'the host name cannot be resolved' }],
  ['EAI_AGAIN', { code: 'CONNECT_FAILED', message: 'the host name cannot be resolved now' }],
  ['UND_ERR_DESTROYED', { code: 'CLOSED', message: 'the connection was closed by us' }],
  ['UND_ERR_CLOSED', { code: 'CLOSED', message: 'the connection was closed by us' }],
  ['UND_ERR_INVALID_ARG', { code: 'CONFIG_INVALID', message: 'the request cannot be written' }],
  [
    'UND_ERR_MAX_ORIGINS_REACHED',
    { code: 'CONNECT_FAILED', message: 'too many different servers are connected' },
  ],
]);

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : '';
}

function translate(code: string, sent: boolean): Translation {
  if (!sent) {
    const suffix = code === '' ? '' : ` (${code})`;
    return (
      BEFORE_SENDING.get(code) ?? {
        code: 'CONNECT_FAILED',
        message: `the connection could not be made${suffix}`,
      }
    );
  }
  const known = AFTER_SENDING.get(code);
  if (known !== undefined) return known;
  return code.startsWith('HPE_')
    ? { code: 'BAD_RESPONSE', message: 'the response is not valid HTTP' }
    : { code: 'STREAM_CUT', message: 'the connection was cut before the answer was complete' };
}

/**
 * Translates what undici or Node reports, once, at the edge.
 * @param sent whether any byte of the request may have reached the server. When none has, the error is
 * `unsent` and the request may be sent again (T2).
 */
export function translateError(error: unknown, where: Where, sent: boolean): UpstreamError {
  if (error instanceof UpstreamError) return error;
  const { code, message } = translate(codeOf(error), sent);
  return new UpstreamError(code, message, {
    connectorId: where.connectorId,
    phase:
      sent || code === 'CLOSED' ? where.phase : code === 'CONFIG_INVALID' ? 'config' : 'connect',
    cause: error,
    unsent: !sent,
  });
}
