import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { ConfigError } from './config-error.ts';
import { type Environment, readVariable } from './environment.ts';
import type { Setting } from './setting.ts';

/** Which share of the instances runs with background refresh, and which instance this is (S4-35 … S4-37). */
export interface Rollout {
  /** 0 to 100; default 100. */
  readonly MCP_ROLLOUT_PERCENT: Setting<number>;
  /** Default: the host name. From the environment only: a file is shared by instances. */
  readonly MCP_INSTANCE_ID: Setting<string>;
}

/** The percentages a rollout goes through unless `--steps` says otherwise, one a week (S4-35 … S4-37, S3). */
export const ROLLOUT_STEPS: readonly number[] = [1, 10, 50, 100];

/** What a file says about the rollout. */
export interface FileRollout {
  readonly path: string;
  readonly percent: number | undefined;
}

/**
 * Where an instance stands in the line of all instances, 0 (in at once) to just below 100. The same for the same
 * name on every machine and in every version, so that raising the percentage only ever adds instances.
 */
export function cohortPosition(instanceId: string): number {
  const digest = createHash('sha256').update(instanceId).digest();
  return (digest.readUInt32BE(0) / 2 ** 32) * 100;
}

/** Whether an instance belongs to the first `percent` of all. */
export function inCohort(instanceId: string, percent: number): boolean {
  return cohortPosition(instanceId) < percent;
}

function readPercent(env: Environment, file: FileRollout): Setting<number> {
  const given = readVariable(env, 'MCP_ROLLOUT_PERCENT');
  if (given === undefined) {
    return file.percent === undefined
      ? { value: 100, origin: { kind: 'default' } }
      : { value: file.percent, origin: { kind: 'file', path: file.path } };
  }
  const value = Number(given);
  if (!/^\d+$/.test(given) || value > 100) {
    throw new ConfigError(
      'CONFIG_BAD_VALUE',
      `"${given}" is no percentage`,
      'write a whole number from 0 to 100',
      { path: 'MCP_ROLLOUT_PERCENT' },
    );
  }
  return { value, origin: { kind: 'environment', variable: 'MCP_ROLLOUT_PERCENT' } };
}

/** @throws ConfigError when `MCP_ROLLOUT_PERCENT` is no whole number from 0 to 100. */
export function resolveRollout(env: Environment, file: FileRollout): Rollout {
  const named = readVariable(env, 'MCP_INSTANCE_ID');
  return {
    MCP_ROLLOUT_PERCENT: readPercent(env, file),
    MCP_INSTANCE_ID:
      named === undefined
        ? { value: hostname(), origin: { kind: 'default' } }
        : { value: named, origin: { kind: 'environment', variable: 'MCP_INSTANCE_ID' } },
  };
}
