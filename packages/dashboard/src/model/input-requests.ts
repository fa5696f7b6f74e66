import { asObject, asText, isObject, type JsonObject } from './json.ts';

/** A question that a server asks before it answers a call (`input_required`). */
export interface InputRequest {
  readonly key: string;
  readonly method: string;
  readonly message: string;
  /** The form that it wants filled in; undefined for questions this page cannot answer. */
  readonly schema: JsonObject | undefined;
  readonly json: JsonObject;
}

/** The questions in a result, or none when the result is the answer. */
export function inputRequests(result: JsonObject): readonly InputRequest[] {
  if (result['resultType'] !== 'input_required') return [];
  return Object.entries(asObject(result['inputRequests'])).map(([key, value]) => {
    const json = asObject(value);
    const params = asObject(json['params']);
    const method = asText(json['method']) ?? '';
    const isForm = method === 'elicitation/create' && params['mode'] !== 'url';
    const schema = params['requestedSchema'];
    return {
      key,
      method,
      message: asText(params['message']) ?? '',
      schema: isForm && isObject(schema) ? schema : undefined,
      json,
    };
  });
}

/** What is added to the params of a call that is made again with the answers. */
export function withResponses(
  result: JsonObject,
  responses: Readonly<Record<string, unknown>>,
): JsonObject {
  const requestState = result['requestState'];
  return {
    inputResponses: responses,
    ...(requestState !== undefined && { requestState }),
  };
}
