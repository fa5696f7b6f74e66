import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { JsonRpcId } from '../../protocol/message.ts';

/** What a `requestState` is bound to: it is worth nothing on any other request. */
export interface StateBinding {
  readonly method: string;
  /** The name or URI as the client gives it. */
  readonly name: JsonRpcId | undefined;
  /** The endpoint: one connector's, or undefined for the shared one. */
  readonly connectorId: string | undefined;
  /** Who sent the request. */
  readonly owner: string;
}

const PREFIX = 'cortex1';
const STATE = /^cortex1\.([\w-]{1,64})\.([\w-]{43})$/;

/**
 * Makes and reads the `requestState` of our own `input_required` results (spec 2026-07-28, basic/patterns/mrtr, server
 * requirements 4 and 5). The key lives as long as the process, and so do the states.
 */
export interface RequestStates {
  /** `payload`: letters, digits, `_` and `-`. */
  seal(payload: string, binding: StateBinding): string;
  /** The payload of a state of ours that was given for this very request; undefined for any other text. */
  open(state: string, binding: StateBinding): string | undefined;
}

export function createRequestStates(key: Buffer = randomBytes(32)): RequestStates {
  const macOf = (payload: string, binding: StateBinding): Buffer => {
    const { method, name, connectorId, owner } = binding;
    const bound = JSON.stringify([payload, method, name ?? null, connectorId ?? null, owner]);
    return createHmac('sha256', key).update(bound).digest();
  };
  return {
    seal: (payload, binding) =>
      `${PREFIX}.${payload}.${macOf(payload, binding).toString('base64url')}`,
    open: (state, binding) => {
      const [, payload = '', mac = ''] = STATE.exec(state) ?? [];
      if (payload === '') return undefined;
      const given = Buffer.from(mac, 'base64url');
      const expected = macOf(payload, binding);
      return given.length === expected.length && timingSafeEqual(given, expected)
        ? payload
        : undefined;
    },
  };
}
