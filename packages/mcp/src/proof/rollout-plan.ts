import { cohortPosition } from '../config/rollout.ts';

/** One step: so many percent of the instances refresh in the background. */
export interface RolloutStep {
  readonly percent: number;
  readonly week: number;
  readonly what: string;
  readonly command: string;
  /** When the next one may be taken. */
  readonly gate: string;
  /** Known instances that are on from here, by name. */
  readonly instances: readonly string[];
}

const GATE = 'cortex-mcp rollout check says advance';

export const ROLL_BACK_COMMAND =
  'MCP_CONNECTOR_REFRESH_SYNC=true pm2 restart cortex-mcp --update-env';

export function stepCommand(percent: number): string {
  return `MCP_ROLLOUT_PERCENT=${percent} pm2 reload cortex-mcp --update-env`;
}

/** The next step after a percentage; undefined when it is the last. */
export function nextStep(percent: number, steps: readonly number[]): number | undefined {
  return steps.find((step) => step > percent);
}

/** The step a percentage goes back to: the one before it, 0 before the first. */
export function previousStep(percent: number, steps: readonly number[]): number {
  return steps.findLast((step) => step < percent) ?? 0;
}

function whatOf(percent: number): string {
  if (percent === 100) return 'everywhere; write down what was learned (S4-37)';
  if (percent === 50) return 'half of the instances; p95 of calls at most 250 ms (S4-36)';
  return `canary of ${percent} %; watch mcp_connector_sync_duration_seconds (S4-35)`;
}

/** The rollout, week by week, with the first week on the old behaviour everywhere (S4-34). */
export function rolloutPlan(
  steps: readonly number[],
  instanceIds: readonly string[],
): readonly RolloutStep[] {
  const at = (percent: number): readonly string[] =>
    instanceIds.filter((id) => cohortPosition(id) < percent).toSorted();
  return [0, ...steps].map((percent, index) => ({
    percent,
    week: index + 1,
    what:
      percent === 0 ? 'nobody: every instance refreshes when it is asked (S4-34)' : whatOf(percent),
    command: stepCommand(percent),
    gate:
      index === steps.length
        ? 'it is done'
        : percent === 0
          ? 'a baseline is taken: cortex-mcp baseline collect'
          : GATE,
    instances: at(percent),
  }));
}
