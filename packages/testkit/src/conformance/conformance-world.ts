import { randomBytes } from 'node:crypto';
import { createRequestStateCodec, type RequestStateCodec } from '@modelcontextprotocol/server';

/** What tools of several rounds keep in `requestState`. */
export interface RoundState {
  readonly tool: string;
  readonly round: number;
  readonly name?: string;
}

/** A change that clients may have asked to be told of. */
export type WorldChange =
  | { readonly kind: 'tools' }
  | { readonly kind: 'prompts' }
  | { readonly kind: 'resource'; readonly uri: string };

/** What all sessions and requests of one conformance server share. */
export interface ConformanceWorld {
  readonly requestState: RequestStateCodec<RoundState>;
  /** Whether the lists hold the tool and the prompt that come and go. */
  readonly hasExtraTool: boolean;
  readonly hasExtraPrompt: boolean;
  /** The list really becomes another one; a resource only says that it changed. */
  change(change: WorldChange): void;
  /** Returns the way to stop listening. */
  onChange(listener: (change: WorldChange) => void): () => void;
}

const KEY_BYTES = 32;

export function createConformanceWorld(): ConformanceWorld {
  const listeners = new Set<(change: WorldChange) => void>();
  let hasExtraTool = false;
  let hasExtraPrompt = false;
  return {
    requestState: createRequestStateCodec<RoundState>({ key: randomBytes(KEY_BYTES) }),
    get hasExtraTool() {
      return hasExtraTool;
    },
    get hasExtraPrompt() {
      return hasExtraPrompt;
    },
    change(change) {
      if (change.kind === 'tools') hasExtraTool = !hasExtraTool;
      if (change.kind === 'prompts') hasExtraPrompt = !hasExtraPrompt;
      for (const listener of listeners) listener(change);
    },
    onChange(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}
