import type { ForwardHandle, Upstream } from '../../upstream/upstream.ts';
import type { UpstreamError } from '../../upstream/upstream-error.ts';

const NOTHING: ForwardHandle = {
  cancel: () => undefined,
  pause: () => undefined,
  resume: () => undefined,
};

/** An upstream that cannot be had: whatever is asked of it fails with `error`. */
export function createUnavailableUpstream(error: UpstreamError): Upstream {
  const fail = async (): Promise<never> => {
    throw error;
  };
  return {
    connectorId: error.connectorId,
    info: undefined,
    phase: error.phase,
    connect: fail,
    request: fail,
    setInterest: fail,
    forward(_request, sink) {
      sink.fail(error);
      return NOTHING;
    },
    close: async () => undefined,
  };
}
