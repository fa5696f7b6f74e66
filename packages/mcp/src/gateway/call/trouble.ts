import { withRemedy } from '../../protocol/error-remedies.ts';
import type { JsonObject } from '../../protocol/message.ts';
import type { ConnectorDirectory } from '../ports.ts';

/** What a client is told of a connector that cannot be used: connector, phase, cause, remedy and next attempt. */
export function troubleOf(
  connectorId: string,
  directory: ConnectorDirectory,
): { readonly message: string; readonly data: JsonObject } | undefined {
  const found = directory.find(connectorId);
  if (found?.trouble === undefined) return undefined;
  const { trouble, nextAttemptMs } = found;
  const { phase, code, message } = trouble;
  const next =
    nextAttemptMs === undefined ? {} : { nextAttemptMs: Math.max(0, Math.ceil(nextAttemptMs)) };
  return {
    message: `${connectorId}: ${message}`,
    data: withRemedy({ code, connector: connectorId, phase, ...next }),
  };
}
