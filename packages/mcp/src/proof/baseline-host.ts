import { dirname } from 'node:path';
import type { CommandAnswer, RunCommand } from './baseline-command.ts';
import type { HostFiles } from './host-files.ts';
import { processStart } from './host-process.ts';

/** What a baseline keeps of the machine: one line each for the record, and longer texts as files of their own. */
export interface HostFacts {
  readonly lines: Readonly<Record<string, string>>;
  /** By name of the file. */
  readonly files: Readonly<Record<string, string>>;
}

export interface HostFactsOptions {
  readonly files: HostFiles;
  readonly run: RunCommand;
  /** Of the service. */
  readonly pid: number;
  readonly configPath: string | undefined;
}

const THP = '/sys/kernel/mm/transparent_hugepage/enabled';
const UNITS = ['mcp-*', 'cortex-mcp*'];
const GPU_FIELDS =
  'name,memory.used,memory.total,utilization.gpu,temperature.gpu,power.draw,driver_version';

function unknown(answer: Exclude<CommandAnswer, { kind: 'said' }>, program: string): string {
  return answer.kind === 'absent'
    ? `unknown: there is no ${program}`
    : `unknown: ${program} failed: ${answer.message}`;
}

/** `[madvise]` of `always [madvise] never` (S1-14). */
async function hugePages(files: HostFiles): Promise<string> {
  const text = (await files.text(THP))?.trim();
  return text === undefined || text === '' ? `unknown: ${THP} cannot be read` : text;
}

/** Whether the folder of the configuration is a repository without changes (S1-15). */
async function repository(run: RunCommand, configPath: string | undefined): Promise<string> {
  if (configPath === undefined) return 'unknown: the service does not tell where its file is';
  const folder = dirname(configPath);
  const inside = await run('git', ['-C', folder, 'rev-parse', '--short', 'HEAD']);
  if (inside.kind === 'absent') return unknown(inside, 'git');
  if (inside.kind === 'failed') return `unknown: ${folder} is in no git repository`;
  const status = await run('git', ['-C', folder, 'status', '--porcelain', '--', '.']);
  if (status.kind !== 'said') return unknown(status, 'git');
  const changes = status.text.split('\n').filter((line) => line !== '').length;
  const commit = inside.text.trim();
  return changes === 0 ? `clean at ${commit}` : `${changes} uncommitted changes at ${commit}`;
}

/** Everything systemd says of each unit of ours, one after the other (S1-13). */
async function units(run: RunCommand): Promise<{ line: string; text?: string }> {
  const list = await run('systemctl', [
    '--user',
    'list-units',
    '--all',
    '--plain',
    '--no-legend',
    '--no-pager',
    ...UNITS,
  ]);
  if (list.kind !== 'said') return { line: unknown(list, 'systemctl --user') };
  const names = list.text.split('\n').flatMap((line) => line.trim().split(/\s+/)[0] || []);
  if (names.length === 0) return { line: 'none of mcp-* or cortex-mcp* is loaded' };
  const texts: string[] = [];
  for (const name of names) {
    const shown = await run('systemctl', ['--user', 'show', '--no-pager', '--', name]);
    const body =
      shown.kind === 'said' ? withoutEnvironment(shown.text) : unknown(shown, 'systemctl');
    texts.push(`=== ${name} ===\n${body}\n`);
  }
  return { line: names.join(' '), text: texts.join('\n') };
}

/** Units are given keys by their environment: it is not kept. */
function withoutEnvironment(text: string): string {
  return text
    .split('\n')
    .filter(
      (line) =>
        !/^(?:Environment|Exec(?:Condition|Start|Reload|Stop)\w*|SetCredential\w*)=/.test(line),
    )
    .join('\n');
}

async function gpu(run: RunCommand): Promise<string | undefined> {
  const args = [`--query-gpu=${GPU_FIELDS}`, '--format=csv'];
  const answer = await run('nvidia-smi', args);
  if (answer.kind === 'absent') return undefined;
  return answer.kind === 'said' ? answer.text : `${unknown(answer, 'nvidia-smi')}\n`;
}

async function allocator(files: HostFiles, pid: number): Promise<string> {
  const maps = await files.text(`/proc/${pid}/maps`);
  if (maps === undefined) return 'unknown: the map of the process cannot be read';
  return /\/\S*(jemalloc|mimalloc|tcmalloc)\S*/.exec(maps)?.[1] ?? 'that of the C library';
}

/** Arguments of Node before its program: what V8 was told (S1-22). */
async function nodeFlags({ files, pid }: HostFactsOptions): Promise<string> {
  const start = await processStart(files, pid);
  if (start === undefined) return 'unknown: the process cannot be read';
  const flags: string[] = [];
  for (const word of start.argv.slice(1)) {
    if (!word.startsWith('-')) break;
    flags.push(word);
  }
  const { env } = start;
  const inherited = env === undefined ? 'NODE_OPTIONS unknown' : env.get('NODE_OPTIONS');
  const all = [...flags, ...(inherited === undefined ? [] : [inherited])];
  return all.length === 0 ? 'none' : all.join(' ');
}

/** Asks the system; what it does not tell is `unknown: why`. Never rejects. */
export async function readHostFacts(options: HostFactsOptions): Promise<HostFacts> {
  const { files, run, pid, configPath } = options;
  const [thp, repo, unitFacts, gpuText, heapAllocator, flags, kernel] = await Promise.all([
    hugePages(files),
    repository(run, configPath),
    units(run),
    gpu(run),
    allocator(files, pid),
    nodeFlags(options),
    files.text('/proc/sys/kernel/osrelease'),
  ]);
  return {
    lines: {
      thp,
      allocator: heapAllocator,
      nodeFlags: flags,
      configRepository: repo,
      units: unitFacts.line,
      gpu: gpuText === undefined ? 'no nvidia-smi, not looked at' : 'gpu.txt',
      kernel: kernel?.trim() ?? 'unknown: not told',
    },
    files: {
      'thp.txt': `${thp}\n`,
      'systemd-metrics.txt': unitFacts.text ?? `${unitFacts.line}\n`,
      ...(gpuText !== undefined && { 'gpu.txt': gpuText }),
    },
  };
}
