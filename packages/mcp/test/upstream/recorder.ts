import type { Era } from '../../src/protocol/revision.ts';
import type { ForwardSink, ServerRequest } from '../../src/upstream/upstream.ts';
import type { UpstreamError } from '../../src/upstream/upstream-error.ts';

export type Outcome =
  | { readonly kind: 'result'; readonly text: string; readonly era: Era }
  | { readonly kind: 'error'; readonly text: string; readonly era: Era }
  | { readonly kind: 'whole'; readonly body: string; readonly inPieces: boolean }
  | { readonly kind: 'end' }
  | { readonly kind: 'fail'; readonly error: UpstreamError };

export interface Recorder extends ForwardSink {
  readonly notifications: string[];
  /** What the server asked the client. */
  readonly requests: ServerRequest[];
  readonly chunks: Buffer[];
  /** How often the sink was ended; more than once is a defect. */
  readonly endings: number;
  readonly opened: boolean;
  readonly outcome: Promise<Outcome>;
  /** Called for each chunk; its answer is passed on. */
  onChunk: (bytes: Buffer) => boolean;
}

export function recorder(): Recorder {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const state = { endings: 0, opened: false };
  const finish = (outcome: Outcome): void => {
    state.endings += 1;
    resolve(outcome);
  };
  const self: Recorder = {
    notifications: [],
    requests: [],
    chunks: [],
    get endings() {
      return state.endings;
    },
    get opened() {
      return state.opened;
    },
    outcome: promise,
    onChunk: () => true,
    notification: (text) => self.notifications.push(text),
    request: (request) => self.requests.push(request),
    result: (raw, era) => {
      finish({ kind: 'result', text: raw.toString(), era });
    },
    error: (text, era) => {
      finish({ kind: 'error', text, era });
    },
    whole: (body) => {
      const inPieces = !Buffer.isBuffer(body);
      const bytes = inPieces ? Buffer.concat(body) : body;
      finish({ kind: 'whole', body: bytes.toString('utf8'), inPieces });
    },
    open: () => {
      state.opened = true;
    },
    chunk: (bytes) => {
      self.chunks.push(bytes);
      return self.onChunk(bytes);
    },
    end: () => {
      finish({ kind: 'end' });
    },
    fail: (error) => {
      finish({ kind: 'fail', error });
    },
  };
  return self;
}
