import type { ConnectorDefinition } from '../connectors/connector.ts';
import type { CgroupFacts } from './host-cgroup.ts';
import type { HostFiles } from './host-files.ts';
import type { ProcessStart } from './host-process.ts';
import type { ServiceReading } from './service-reading.ts';

/** `unknown`: this system does not tell, or not us. Only `fail` is an error. */
export type Severity = 'ok' | 'info' | 'warn' | 'fail' | 'unknown';

/** What one check says. */
export interface Finding {
  /** Stable, kebab-case. */
  readonly id: string;
  readonly severity: Severity;
  /** What was seen. */
  readonly finding: string;
  readonly why: string;
  /** Empty when there is nothing to do. */
  readonly fix: string;
}

/** A configuration that could be read. */
export interface DoctorConfig {
  readonly kind: 'loaded';
  /** Where the file is, or would be. */
  readonly path: string;
  readonly warnings: readonly string[];
  /** Of the file and of the registry. */
  readonly connectors: readonly ConnectorDefinition[];
  /** A service map gives connectors too. */
  readonly followsMap: boolean;
  readonly host: string;
  readonly port: number;
  /** Lame duck, calls under way and closing together. */
  readonly drainMs: number;
}

export interface BrokenConfig {
  readonly kind: 'broken';
  readonly message: string;
}

/** What the checks look at. */
export interface DoctorContext {
  readonly files: HostFiles;
  readonly platform: NodeJS.Platform;
  /** Of this machine, in bytes. */
  readonly machineMemoryBytes: number;
  readonly cores: number;
  /** The service of the configuration; undefined while none runs. */
  readonly service: ServiceReading | undefined;
  /** The process whose limits are looked at: the service's, else this one. */
  readonly pid: number;
  /** How that process was started; undefined where it cannot be seen. */
  readonly start: ProcessStart | undefined;
  readonly cgroup: CgroupFacts | undefined;
  readonly config: DoctorConfig | BrokenConfig;
  readonly stateFolder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly nodeVersion: string;
}

/** One check. Never rejects for something that is merely not known. */
export type Check = (context: DoctorContext) => Promise<readonly Finding[]>;

export const MIB = 1_048_576;
export const GIB = 1_073_741_824;

export function formatBytes(bytes: number | undefined): string {
  if (bytes === undefined) return '-';
  if (bytes === Infinity) return 'no limit';
  if (bytes >= GIB) return `${(bytes / GIB).toFixed(1)} GiB`;
  if (bytes >= MIB) return `${Math.round(bytes / MIB)} MiB`;
  return `${Math.round(bytes / 1_024)} KiB`;
}

/** Whose process was looked at. */
export function subjectOf({ service, pid }: Pick<DoctorContext, 'service' | 'pid'>): string {
  return service === undefined ? `this process (no service runs)` : `the service (pid ${pid})`;
}

/** A finding by its severity: what there is to do is said only where there is something. */
export function finding(
  id: string,
  severity: Severity,
  text: { readonly finding: string; readonly why: string; readonly fix?: string },
): Finding {
  const nothingToDo = severity === 'ok' || severity === 'unknown';
  return { id, severity, ...text, fix: nothingToDo ? '' : (text.fix ?? '') };
}
