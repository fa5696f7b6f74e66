import type { ConnectorDefinition } from '../connectors/connector.ts';
import { type Check, type DoctorContext, finding, subjectOf } from './doctor-finding.ts';
import { sumOf } from './exposition.ts';
import { supervisorOf } from './service-line.ts';

/** Files, sockets of clients with room to spare, and what Node itself holds. */
const BASE_DESCRIPTORS = 512;
/** Three pipes. */
const PER_PROCESS = 3;
/** Places of a connector by default; each can hold a socket. */
const PER_HTTP = 32;
/** A server seldom is one process: npx, a shell, the program, its threads. */
const TASKS_PER_PROCESS = 30;
const BASE_TASKS = 64;

interface Limit {
  readonly soft: number;
  readonly hard: number;
}

function amount(text: string | undefined): number {
  return text === 'unlimited' ? Infinity : Number(text);
}

function limitOf(text: string, name: string): Limit | undefined {
  const found = new RegExp(`^${name} +(\\S+) +(\\S+)`, 'm').exec(text);
  return found === null ? undefined : { soft: amount(found[1]), hard: amount(found[2]) };
}

function connectorsOf({ config }: DoctorContext): readonly ConnectorDefinition[] {
  return config.kind === 'loaded' ? config.connectors.filter(({ enabled }) => enabled) : [];
}

function count(connectors: readonly ConnectorDefinition[], isStdio: boolean): number {
  return connectors.filter(({ transport }) => (transport?.kind === 'stdio') === isStdio).length;
}

export const checkDescriptors: Check = async (context) => {
  const why = 'Each client, each socket to a server and each pipe to a process takes one.';
  const limits = await context.files.text(`/proc/${context.pid}/limits`);
  const limit = limitOf(limits ?? '', 'Max open files');
  if (limit === undefined) {
    return [finding('open-files', 'unknown', { finding: 'its limits are not shown', why })];
  }
  const connectors = connectorsOf(context);
  const needed =
    BASE_DESCRIPTORS + count(connectors, true) * PER_PROCESS + count(connectors, false) * PER_HTTP;
  const open = context.service && sumOf(context.service.metrics, 'process_open_fds');
  const isFull = open !== undefined && open > limit.soft * 0.9;
  const severity = isFull ? 'fail' : limit.soft < needed ? 'warn' : 'ok';
  const used = open === undefined ? '' : `, ${open} open now`;
  return [
    finding('open-files', severity, {
      finding: `${subjectOf(context)} may have ${limit.soft} open${used}; ${connectors.length} connectors want ${needed}`,
      why,
      fix: `ulimit -n ${Math.max(65_536, needed)}, or LimitNOFILE=65536 in the unit (hard limit now: ${limit.hard})`,
    }),
  ];
};

export const checkTasks: Check = async (context) => {
  const why = 'Servers that are commands are processes with threads; beyond the limit none starts.';
  const limits = await context.files.text(`/proc/${context.pid}/limits`);
  const limit = limitOf(limits ?? '', 'Max processes');
  if (limit === undefined) {
    return [finding('processes', 'unknown', { finding: 'its limits are not shown', why })];
  }
  const needed = BASE_TASKS + count(connectorsOf(context), true) * TASKS_PER_PROCESS;
  return [
    finding('processes', limit.soft < needed ? 'warn' : 'ok', {
      finding: `${limit.soft} processes and threads of this user; the commands want up to ${needed}`,
      why,
      fix: 'ulimit -u, or TasksMax and LimitNPROC in the unit',
    }),
  ];
};

/** What pm2 leaves in the environment of what it runs: a variable in fork mode, JSON in cluster mode. */
function killTimeout(env: ReadonlyMap<string, string> | undefined): number | undefined {
  const plain = env?.get('kill_timeout');
  if (plain !== undefined) return Number(plain);
  const packed = env?.get('pm2_env');
  if (packed === undefined) return undefined;
  try {
    const parsed: unknown = JSON.parse(packed);
    const held: unknown = Object(parsed).kill_timeout;
    return typeof held === 'number' ? held : Number(held ?? NaN);
  } catch {
    return undefined; // cut off by the kernel: not known
  }
}

export const checkSupervisor: Check = async ({ start, service, config }) => {
  const why = 'Whatever runs the service must not kill it before the calls under way are over.';
  if (service === undefined || start?.env === undefined) {
    const text = { finding: 'no service whose environment can be read', why };
    return [finding('stop-time', 'unknown', text)];
  }
  const { env } = start;
  const supervisor = supervisorOf(env);
  const killMs = killTimeout(env);
  if (supervisor !== 'pm2') {
    const by =
      supervisor === 'systemd'
        ? 'run by systemd: TimeoutStopSec of the unit decides'
        : 'run by neither pm2 nor systemd';
    return [finding('stop-time', 'ok', { finding: by, why })];
  }
  const drainMs = config.kind === 'loaded' ? config.drainMs : 0;
  // pm2 waits 1.6 s where nothing is said.
  const isShort = (killMs ?? 1_600) <= drainMs;
  return await Promise.resolve([
    finding('stop-time', isShort ? 'warn' : 'ok', {
      finding: `pm2 kills after ${killMs ?? 1_600} ms, the drain may take ${drainMs} ms`,
      why,
      fix: `kill_timeout: ${drainMs + 9_000} in ecosystem.config.cjs, or a shorter drainMaxMs`,
    }),
  ]);
};

export const checkLog: Check = async ({ files, pid, service }) => {
  const why = 'What went wrong is told on stderr; where it ends nobody can look it up.';
  const target = service && (await files.link(`/proc/${pid}/fd/2`));
  if (target === undefined) {
    return [
      finding('log', 'unknown', { finding: 'where stderr of a service goes is not shown', why }),
    ];
  }
  const gone = target === '/dev/null' || target.endsWith(' (deleted)');
  return [
    finding('log', gone ? 'warn' : 'ok', {
      finding: `stderr of the service goes to ${target}`,
      why,
      fix: 'let stderr go to a file or to the journal, and start it again after the file was moved away',
    }),
  ];
};
