import { RPC, errorObject, type RawMember } from '../../protocol/message.ts';
import type { InterestTarget } from '../kept-interest.ts';
import { LegacyInterest } from '../http-legacy/legacy-interest.ts';
import { listenEnvelope, listenFilter, readAcknowledgement } from '../http-modern/modern-listen.ts';
import {
  ModernListening,
  type Subscription,
  type SubscriptionOutcome,
} from '../http-modern/modern-listening.ts';
import { announcedLists, type ChangingList } from '../streamable-http/notification-stream-lists.ts';
import { NEVER_ABORTED } from '../own-request.ts';
import type { StdioConnection } from './stdio-connection.ts';
import { ownRequest } from './stdio-request.ts';
import type { UpstreamInfo } from '../upstream.ts';
import { UpstreamError } from '../upstream-error.ts';

export interface StdioInterestOptions {
  readonly connectorId: string;
  /** Our own modern envelope. */
  readonly envelope: readonly RawMember[];
  /** How long the server may take to agree. */
  readonly timeoutMs: number;
}

function noSubscriptions(connectorId: string, rpcErrorText: string): UpstreamError {
  const message = 'the server does not take this subscription';
  const details = { connectorId, phase: 'ready', rpcErrorText } as const;
  return new UpstreamError('RPC_ERROR', message, details);
}

/** One `subscriptions/listen` over the pipe: what it brings names it, so several can be open at a time. */
function subscribe(
  connection: StdioConnection,
  filter: { readonly lists: readonly ChangingList[]; readonly resources: ReadonlySet<string> },
  { connectorId, envelope, timeoutMs }: StdioInterestOptions,
  settled: (outcome: SubscriptionOutcome) => void,
): Subscription {
  let isOpen = false;
  const end = (error: UpstreamError): void => {
    clearTimeout(timer);
    isOpen = false;
    settled({ kind: 'failed', error });
  };
  const timer = setTimeout(() => {
    connection.cancel(id, 'not acknowledged in time');
    const message = 'the server did not acknowledge the subscription in time';
    end(new UpstreamError('TIMEOUT', message, { connectorId, phase: 'ready' }));
  }, timeoutMs);
  timer.unref();
  const members = [listenFilter(filter.lists, filter.resources)];
  const meta = listenEnvelope(envelope, filter.resources);
  const id = connection.send('subscriptions/listen', members, () => meta, {
    progressToken: undefined,
    acknowledged: (text) => {
      clearTimeout(timer);
      isOpen = true;
      settled({ kind: 'open', resources: readAcknowledgement(text).resources });
    },
    notification: () => undefined,
    result: () => {
      const text = errorObject(RPC.methodNotFound, 'the server ended the subscription');
      end(noSubscriptions(connectorId, text));
    },
    error: (text) => end(noSubscriptions(connectorId, text)),
    fail: end,
  });
  return {
    get isOpen() {
      return isOpen;
    },
    close: () => {
      clearTimeout(timer);
      isOpen = false;
      connection.cancel(id, 'no longer wanted');
    },
  };
}

/** What is wanted of a process beside answers. From now on a modern one tells of changes of its lists. */
export function createStdioInterest(
  connection: StdioConnection,
  info: UpstreamInfo,
  options: StdioInterestOptions,
): InterestTarget {
  const { connectorId, timeoutMs } = options;
  if (info.era === 'legacy') {
    const ask = async (method: string, members: readonly RawMember[]): Promise<string> =>
      await ownRequest(connectorId, method, { signal: NEVER_ABORTED, timeoutMs }, (call) => {
        const id = connection.send(method, members, () => [], call('legacy'));
        return (reason) => connection.cancel(id, reason);
      });
    return new LegacyInterest({ connectorId, info, ask });
  }
  const lists = announcedLists(info);
  const listening = new ModernListening({
    connectorId,
    hasLists: lists.length > 0,
    subscribe: (resources, _soon, settled) =>
      subscribe(connection, { lists, resources }, options, settled),
  });
  listening.listen();
  return listening;
}
