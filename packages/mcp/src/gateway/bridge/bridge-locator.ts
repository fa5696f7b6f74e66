import type { BridgeTarget } from './bridge-exchange.ts';

/** Remembers the way to the service until it leads nowhere. */
export interface BridgeLocator {
  /** @throws Error whose message says why there is none; the next call tries again. */
  target(): Promise<BridgeTarget>;
  /** Nobody listens there any more. */
  lost(target: BridgeTarget): void;
}

/** @param locate asked once at a time; is handed the way that leads nowhere. */
export function createBridgeLocator(
  locate: (lost: BridgeTarget | undefined) => Promise<BridgeTarget>,
): BridgeLocator {
  let located: Promise<BridgeTarget> | undefined;
  let current: BridgeTarget | undefined;
  let last: BridgeTarget | undefined;

  async function find(): Promise<BridgeTarget> {
    try {
      current = await locate(last);
      return current;
    } catch (error) {
      located = undefined;
      throw error;
    }
  }

  return {
    async target() {
      located ??= find();
      return await located;
    },
    lost(target) {
      // Another request has noticed it before, and a new way is known or being looked for.
      if (target !== current) return;
      last = current;
      current = undefined;
      located = undefined;
    },
  };
}
