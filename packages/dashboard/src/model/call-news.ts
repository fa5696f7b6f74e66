import { asNumber, asObject, asText, type JsonObject } from './json.ts';

/** What came while a call ran. */
export interface CallNews {
  readonly text: string;
  /** 0 to 1; undefined when the server does not say how much there is. */
  readonly share: number | undefined;
}

/** What a notification of a running call says. */
export function newsOf(message: JsonObject): CallNews {
  const params = asObject(message['params']);
  const method = asText(message['method']) ?? '';
  const progress = asNumber(params['progress']);
  const total = asNumber(params['total']);
  const said = asText(params['message']) ?? asText(params['data']);
  if (progress === undefined) return { text: said ?? method, share: undefined };
  const count = total === undefined ? String(progress) : `${progress} of ${total}`;
  return {
    text: said === undefined ? count : `${count}: ${said}`,
    share: total === undefined || total <= 0 ? undefined : Math.min(1, progress / total),
  };
}
