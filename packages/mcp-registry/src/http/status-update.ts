import { z } from 'zod';
import { serverStatuses, type ServerStatus } from '../server-record.ts';
import { RegistryApiError } from './api-error.ts';

/** A new status and the reason for it. */
export interface StatusUpdate {
  readonly status: ServerStatus;
  readonly statusMessage?: string | undefined;
}

const schema = z.strictObject({
  status: z.enum(serverStatuses),
  statusMessage: z.string().max(500).optional(),
});

/** @throws RegistryApiError 422 `INVALID_STATUS` naming each fault. */
export function parseStatusUpdate(value: unknown): StatusUpdate {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new RegistryApiError(
    422,
    'INVALID_STATUS',
    `Invalid status: ${z.prettifyError(parsed.error)}`,
  );
}
