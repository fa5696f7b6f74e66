import { UNTRACED, type Traced } from '../../observability/traced-work.ts';
import type { SyncOutcome, SyncReport } from '../sync-report.ts';

/** Runs a pass over all connectors as a span; the syncs of connectors are parts of it. @param traced Default: no span. */
export async function tracedPass(
  traced: Traced = UNTRACED,
  run: () => Promise<SyncReport>,
): Promise<SyncReport> {
  return await traced('sync pass', run);
}

/**
 * Runs the syncs of one connector as spans.
 * @param ended told of every outcome, while the span is still under way. Default: nobody is.
 */
export function tracedSync(
  connectorId: string,
  traced: Traced = UNTRACED,
  ended?: (outcome: SyncOutcome) => void,
): (run: () => Promise<SyncOutcome>) => Promise<SyncOutcome> {
  const about = {
    attributes: { 'cortex.connector': connectorId },
    failure: (outcome: SyncOutcome) => (outcome.kind === 'failed' ? outcome.code : undefined),
  };
  return async (run) => {
    const told = async (): Promise<SyncOutcome> => {
      const outcome = await run();
      ended?.(outcome);
      return outcome;
    };
    return await traced('connector sync', told, about);
  };
}
