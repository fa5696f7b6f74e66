import { randomBytes } from 'node:crypto';
import {
  ProtocolError,
  RPC,
  errorObject,
  membersText,
  type JsonObject,
  type RawMember,
} from '../../protocol/message.ts';
import { NAME_PARAM, type Era } from '../../protocol/revision.ts';
import type { RpcAnswer } from '../../upstream/upstream.ts';
import { bridgeError } from './era.ts';
import { missingCapability, requiredCapabilities } from './client-capabilities.ts';
import type { ClientRequest } from '../client-request.ts';
import type { RequestStates, StateBinding } from './request-state.ts';

/** What a `requestState` is worth something for: this very request of this client. */
export function stateBinding(request: ClientRequest): StateBinding {
  const { method, params, connectorId, principal } = request;
  const key = NAME_PARAM.get(method);
  const name = key === undefined ? undefined : params.value[key];
  return {
    method,
    name: typeof name === 'string' ? name : undefined,
    connectorId,
    owner: principal.id,
  };
}

/** The raw JSON of an `input_required` result (spec 2026-07-28, basic/patterns/mrtr). */
export function inputRequired(
  questions: ReadonlyMap<
    string,
    { readonly method: string; readonly paramsText: string | undefined }
  >,
  state: string,
): string {
  const requests = [...questions].map(([key, { method, paramsText }]): RawMember => {
    const params = paramsText === undefined ? '' : `,"params":${paramsText}`;
    return { key, text: `{"method":${JSON.stringify(method)}${params}}` };
  });
  return `{"resultType":"input_required","inputRequests":{${membersText(requests)}},"requestState":${JSON.stringify(state)}}`;
}

/** 2025-11-25: the user must visit a URL before the request can succeed. Gone in 2026-07-28. */
const URL_ELICITATION_REQUIRED = -32_042;
/** How long a user may take to visit it. */
const URL_TTL_MS = 300_000;
const URL_PREFIX = 'url-';

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * What a modern client gets for a legacy server's `-32042`: an `input_required` with the URLs to visit, whose retry is
 * the request anew. Undefined for every other error.
 */
function urlsRequired(
  errorText: string,
  request: ClientRequest,
  states: RequestStates,
): RpcAnswer | undefined {
  if (!errorText.includes(String(URL_ELICITATION_REQUIRED))) return undefined;
  const error: unknown = JSON.parse(errorText);
  if (!isObject(error) || error['code'] !== URL_ELICITATION_REQUIRED) return undefined;
  const { message, data } = error;
  const elicitations: unknown = isObject(data) ? data['elicitations'] : undefined;
  if (missingCapability('elicitation/create', { mode: 'url' }, request.caller.capabilities)) {
    const why =
      'the server needs the user to visit a URL, which this client has not declared it can do';
    return {
      kind: 'error',
      text: errorObject(RPC.missingClientCapability, why, {
        requiredCapabilities: requiredCapabilities('elicitation.url'),
      }),
    };
  }
  const urls = Array.isArray(elicitations) ? elicitations.filter(isObject) : [];
  if (urls.length === 0) {
    // The code does not exist in the client's revision.
    return { kind: 'error', text: JSON.stringify({ ...error, code: RPC.internalError, message }) };
  }
  const questions = urls.map(({ elicitationId: _id, ...params }, index) => {
    const paramsText = JSON.stringify({ ...params, mode: 'url' });
    return [`url-${index + 1}`, { method: 'elicitation/create', paramsText }] as const;
  });
  const expiry = (Date.now() + URL_TTL_MS).toString(36);
  const nonce = randomBytes(8).toString('hex');
  const state = states.seal(`${URL_PREFIX}${expiry}-${nonce}`, stateBinding(request));
  return { kind: 'result', text: inputRequired(new Map(questions), state) };
}

/** An error of a server as the client of that request gets it. */
export function errorFor(
  text: string,
  from: Era,
  request: ClientRequest,
  states: RequestStates,
): RpcAnswer {
  const urls =
    from === 'legacy' && request.era === 'modern' ? urlsRequired(text, request, states) : undefined;
  return urls ?? { kind: 'error', text: bridgeError(text, from, request.era) };
}

/**
 * Whether a retry brings back the state of such an answer.
 * @throws ProtocolError when the user has not agreed to visit the URLs, or it took too long.
 */
function urlsAccepted(request: ClientRequest, states: RequestStates): boolean {
  const { requestState, inputResponses } = request.params.value;
  if (typeof requestState !== 'string') return false;
  const payload = states.open(requestState, stateBinding(request));
  if (payload?.startsWith(URL_PREFIX) !== true) return false;
  const { id } = request;
  const expiry = Number.parseInt(payload.slice(URL_PREFIX.length), 36);
  if (expiry < Date.now()) {
    throw new ProtocolError(RPC.invalidParams, 'Invalid params: requestState has expired', { id });
  }
  const answers = isObject(inputResponses) ? Object.values(inputResponses) : [];
  const refusal = answers.find((answer) => !isObject(answer) || answer['action'] !== 'accept');
  if (refusal === undefined) return true;
  const why = 'The request needs the user to visit a URL, and the user did not agree';
  throw new ProtocolError(RPC.internalError, why, { id });
}

/** Members that only the retry of a request has. */
export function isRetry({ era, params }: ClientRequest): boolean {
  const { requestState, inputResponses } = params.value;
  return era === 'modern' && (requestState !== undefined || inputResponses !== undefined);
}

/**
 * A retry as the upstream is to get it: a modern one as it is, a legacy one as if it were the first try.
 * @throws ProtocolError `-32602` for a state that means nothing to a legacy server, or to us.
 */
export function retryFor(
  request: ClientRequest,
  upstreamEra: Era | undefined,
  states: RequestStates,
): ClientRequest {
  if (!urlsAccepted(request, states)) {
    if (upstreamEra !== 'legacy') return request;
    if (request.params.value['requestState'] !== undefined) {
      const why = 'Invalid params: requestState has expired, or is not of this request';
      throw new ProtocolError(RPC.invalidParams, why, { id: request.id });
    }
  }
  const { params } = request;
  const members = params.members.filter(
    ({ key }) => key !== 'requestState' && key !== 'inputResponses',
  );
  return { ...request, params: { ...params, members } };
}
