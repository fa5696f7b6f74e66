import type { JsonObject } from '../protocol/message.ts';

/**
 * What a legacy server is told of the clients behind a shared session: everything there is, since who is behind each
 * call shows only then. A client that cannot be asked is answered for by the gateway.
 */
export const EVERY_CAPABILITY: JsonObject = {
  sampling: { tools: {}, context: {} },
  elicitation: { form: {}, url: {} },
  roots: { listChanged: true },
};
