import type { LegacyClient } from './legacy-session.ts';

/** Clients that are remembered; the oldest gives way. */
const MAX_CLIENTS = 64;
/** One that says more of itself than this, in characters of JSON, is kept by its session alone. */
const MAX_LENGTH = 2_048;

/** Many sessions are of few programs: what these say of themselves in `initialize` is kept once. */
export class SharedClients {
  readonly #clients = new Map<string, LegacyClient>();

  /** One that says the same, and was there before if it can be. */
  share(client: LegacyClient): LegacyClient {
    const { protocolVersion, capabilities, infoText } = client;
    const key = JSON.stringify([protocolVersion, capabilities, infoText]);
    if (key.length > MAX_LENGTH) return client;
    const known = this.#clients.get(key);
    if (known !== undefined) return known;
    const [oldest] = this.#clients.size < MAX_CLIENTS ? [] : this.#clients.keys();
    if (oldest !== undefined) this.#clients.delete(oldest);
    this.#clients.set(key, client);
    return client;
  }
}
