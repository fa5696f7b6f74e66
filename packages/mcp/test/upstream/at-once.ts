import {
  DEFAULT_STREAM_POLICY,
  type StreamPolicy,
} from '../../src/upstream/streamable-http/notification-stream-policy.ts';

export type { StreamPolicy };

/** Notification streams are opened without a wait. */
export const AT_ONCE: StreamPolicy = { ...DEFAULT_STREAM_POLICY, firstDelayMs: 0 };
