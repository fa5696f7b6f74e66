import { checkClock, checkClockStep, checkTimeZone } from './doctor-clock.ts';
import { checkCommands, checkConfig } from './doctor-connectors.ts';
import {
  type BrokenConfig,
  type Check,
  type DoctorConfig,
  type DoctorContext,
  finding,
  type Finding,
} from './doctor-finding.ts';
import { checkDescriptors, checkLog, checkSupervisor, checkTasks } from './doctor-limits.ts';
import {
  checkAllocator,
  checkCpuQuota,
  checkGroupMemory,
  checkHugePages,
  checkMemoryPressure,
  checkOldSpace,
  checkOutOfMemory,
  checkSemiSpace,
} from './doctor-memory.ts';
import { checkNames, checkPort, checkProxy } from './doctor-network.ts';
import { checkNodeFlags, checkNodeVersion } from './doctor-node.ts';
import { checkServerMemory } from './doctor-servers.ts';
import { checkDisk, checkStateFolder, checkSync } from './doctor-state.ts';
import { cgroupOf } from './host-cgroup.ts';
import { createHostFiles } from './host-files.ts';
import { processStart } from './host-process.ts';
import type { ServiceReading } from './service-reading.ts';

export type { BrokenConfig, DoctorConfig, Finding, Severity } from './doctor-finding.ts';

/** What is examined. */
export interface DoctorOptions {
  readonly config: DoctorConfig | BrokenConfig;
  readonly stateFolder: string;
  readonly service: ServiceReading | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly machineMemoryBytes: number;
  readonly cores: number;
  /** What stands for `/` when files of the kernel are read. Default: `/`. */
  readonly root?: string;
  /** Default: this one. */
  readonly platform?: NodeJS.Platform;
  /** The process to look at when no service runs. Default: this one. */
  readonly pid?: number;
  /** Checks beside ours, e.g. those of the registry. */
  readonly more?: readonly Check[];
}

const CHECKS: readonly (readonly [id: string, check: Check])[] = [
  ['node-version', checkNodeVersion],
  ['node-flags', checkNodeFlags],
  ['config', checkConfig],
  ['commands', checkCommands],
  ['port', checkPort],
  ['dns', checkNames],
  ['proxy', checkProxy],
  ['state-folder', checkStateFolder],
  ['disk', checkDisk],
  ['disk-sync', checkSync],
  ['open-files', checkDescriptors],
  ['processes', checkTasks],
  ['stop-time', checkSupervisor],
  ['log', checkLog],
  ['allocator', checkAllocator],
  ['huge-pages', checkHugePages],
  ['old-space', checkOldSpace],
  ['semi-space', checkSemiSpace],
  ['server-memory', checkServerMemory],
  ['group-memory', checkGroupMemory],
  ['oom-kills', checkOutOfMemory],
  ['memory-pressure', checkMemoryPressure],
  ['cpu-quota', checkCpuQuota],
  ['clock', checkClock],
  ['clock-step', checkClockStep],
  ['time-zone', checkTimeZone],
];

/** A check that breaks says so and stops no other. */
async function run(id: string, check: Check, context: DoctorContext): Promise<readonly Finding[]> {
  try {
    return await check(context);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return [finding(id, 'unknown', { finding: `the check failed: ${text}`, why: '' })];
  }
}

/**
 * Looks at a service, its configuration and its machine, and says what is wrong, why it matters and what to do
 * (S1-21 to S1-24, C4 rows 15 and 16). Changes nothing but a file of 20 KiB in the state folder, which it removes.
 */
export async function examine(options: DoctorOptions): Promise<readonly Finding[]> {
  const { root, service, pid: own = process.pid, platform = process.platform, more = [] } = options;
  const files = createHostFiles(root);
  const pid = service?.pid ?? own;
  const [start, cgroup] = await Promise.all([processStart(files, pid), cgroupOf(files, pid)]);
  const context: DoctorContext = {
    ...options,
    files,
    platform,
    pid,
    start,
    cgroup,
    nodeVersion: process.version,
  };
  const checks = [...CHECKS, ...more.map((check) => ['more', check] as const)];
  const found = await Promise.all(checks.map(async ([id, check]) => await run(id, check, context)));
  return found.flat();
}
