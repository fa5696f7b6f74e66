import { CONNECTOR_RULES } from './advise-connector.ts';
import type { Advice, AdviseFacts } from './advise-facts.ts';
import { SERVICE_RULES } from './advise-service.ts';

export type { Advice, AdviseFacts } from './advise-facts.ts';

/**
 * What every rule says of what was measured (S1-38, S1-51, S1-52, S3-08). Nothing is advised without figures: a rule
 * that lacks some says what to measure.
 * @param effortAccepted whether somebody agreed to run and watch what pooling adds.
 */
export function advise(facts: AdviseFacts, effortAccepted: boolean): readonly Advice[] {
  const input = { service: facts.service, effortAccepted };
  return [
    ...SERVICE_RULES.flatMap((rule) => rule(facts, input) ?? []),
    ...facts.connectors.flatMap((connector) =>
      CONNECTOR_RULES.flatMap((rule) => rule(connector, input) ?? []),
    ),
  ];
}
