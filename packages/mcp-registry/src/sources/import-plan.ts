import { isJsonObject } from '../json-object.ts';
import { acceptRecord, type ServerRecord } from '../server-record.ts';
import { storedRecord, type ImportTarget } from './import-target.ts';
import { sameJson } from './json-text.ts';
import type { SkippedEntry } from './read-client-config.ts';
import type { SecretFolder } from './secret-folder.ts';
import { reasonOf } from './source-error.ts';
import { takeSecrets, type TakenRecord, type TakenSecret } from './take-secrets.ts';

/** What an import does with one entry. */
export type PlannedAction = 'add' | 'update' | 'unchanged' | 'conflict' | 'skip';

/** One line of a plan, safe to show: it holds names and no values. */
export interface PlanRow {
  readonly name: string;
  readonly action: PlannedAction;
  /** Why it is left alone, or what to know about it. */
  readonly reason?: string | undefined;
  /** The variables, headers and options whose values move to `secrets/`. */
  readonly moved: readonly string[];
}

/** One record to be stored. */
export interface PlanStep {
  readonly before: ServerRecord | undefined;
  readonly after: ServerRecord;
  readonly secrets: readonly TakenSecret[];
}

/** What an import would do. Only `rows` may be shown: the steps hold secrets. */
export interface ImportPlan {
  readonly rows: readonly PlanRow[];
  readonly steps: readonly PlanStep[];
}

/** Choices of {@link planImport}. */
export interface PlanOptions {
  readonly secrets: Pick<SecretFolder, 'name' | 'read'>;
  /** Let the gateway use the records. Default: false, they are only kept. */
  readonly connect?: boolean | undefined;
  /** Replace records of other origin too. Default: false, they are conflicts. */
  readonly force?: boolean | undefined;
}

const kept = ['connector', 'tags'] as const;

/** What its owner set on the stored record stays; the switch follows the file where the file has one. */
function withKept(
  record: ServerRecord,
  before: ServerRecord | undefined,
  connect: boolean,
): ServerRecord {
  const own: Record<string, unknown> = {};
  for (const key of kept) if (before?.[key] !== undefined) own[key] = before[key];
  if (record.enabled === undefined && before?.enabled !== undefined && !switchedByFile(before))
    own['enabled'] = before.enabled;
  return { ...record, ...(connect && { connector: {} }), ...own };
}

function switchedByFile({ source }: ServerRecord): boolean {
  if (!isJsonObject(source)) return false;
  if (source['excluded'] === true) return true;
  if (!isJsonObject(source['keys'])) return false;
  return source['keys']['disabled'] === true || source['keys']['enabled'] === false;
}

function sourceOf(record: ServerRecord): Record<string, unknown> {
  return isJsonObject(record['source']) ? record['source'] : {};
}

function isSameSource(record: ServerRecord, before: ServerRecord): boolean {
  const [a, b] = [sourceOf(record), sourceOf(before)];
  if (a['kind'] === undefined) return false;
  const moved = a['place'] !== undefined && b['place'] !== undefined && a['place'] !== b['place'];
  return !moved && ['kind', 'client', 'project'].every((key) => a[key] === b[key]);
}

/** Where a file lies says nothing about the server; what another source says about itself neither. */
function comparable(record: ServerRecord, own: boolean): object {
  const { source: _source, ...rest } = record;
  return own ? { ...rest, source: { ...sourceOf(record), place: undefined } } : rest;
}

/** What a stored record makes of one that would take its place. */
function judge(after: ServerRecord, before: ServerRecord): 'same' | 'own' | 'foreign' {
  const own = isSameSource(after, before);
  if (sameJson(comparable(after, own), comparable(before, own))) return 'same';
  return own ? 'own' : 'foreign';
}

function nameOfSource(record: ServerRecord | undefined): string {
  const { kind, client, url } = record === undefined ? {} : sourceOf(record);
  if (kind === 'client') return `another file (${String(client)})`;
  if (kind === 'registry') return `the registry ${String(url)}`;
  if (kind === 'file') return 'a server.json file';
  return record?.origin === 'remote' ? 'elsewhere' : 'this machine';
}

interface Planned {
  readonly row: PlanRow;
  readonly step?: PlanStep;
}

function leave(name: string, action: PlannedAction, reason?: string): Planned {
  return { row: { name, action, moved: [], ...(reason !== undefined && { reason }) } };
}

/** Members with which clients keep tools of a server from a model. */
const toolFilters = ['includeTools', 'excludeTools', 'enabled_tools', 'disabled_tools'] as const;

/** The filters that the entry has; they are kept with the record and hold nothing back here. */
function filtersOf(record: ServerRecord): string {
  const keys = sourceOf(record)['keys'];
  if (!isJsonObject(keys)) return '';
  return toolFilters.filter((name) => Array.isArray(keys[name])).join(', ');
}

function about({ record, secrets, leftDefaults }: TakenRecord): Pick<PlanRow, 'moved' | 'reason'> {
  const left = leftDefaults.join(', ');
  const filters = filtersOf(record);
  const reasons = [
    ...(left === '' ? [] : [`the default of ${left} looks like a secret and was left`]),
    ...(filters === '' ? [] : [`${filters} is not applied: all its tools are offered`]),
  ];
  return {
    moved: secrets.map(({ label }) => label),
    ...(reasons.length > 0 && { reason: reasons.join('; ') }),
  };
}

async function planOne(
  given: ServerRecord,
  target: ImportTarget,
  { secrets: folder, connect = false, force = false }: PlanOptions,
): Promise<Planned> {
  const { name } = given;
  const before = await storedRecord(target, given);
  if (given.server === undefined && before === undefined) {
    // Removing a name without a version removes every version, so the two must not share one.
    const published = await target.versions(name);
    if (published.length > 0) return leave(name, 'conflict', 'published versions have this name');
  }
  const taken = await takeSecrets(given, folder, before);
  const after = acceptRecord(withKept(taken.record, before, connect)).record;
  const verdict = before === undefined ? 'own' : judge(after, before);
  if (verdict === 'same') return leave(name, 'unchanged');
  if (verdict === 'foreign' && !force)
    return leave(name, 'conflict', `a server of this name came from ${nameOfSource(before)}`);
  return {
    row: { name, action: before === undefined ? 'add' : 'update', ...about(taken) },
    step: { before, after, secrets: taken.secrets },
  };
}

async function planOrSkip(
  record: ServerRecord,
  target: ImportTarget,
  options: PlanOptions,
): Promise<Planned> {
  try {
    return await planOne(record, target, options);
  } catch (error) {
    return leave(record.name, 'skip', reasonOf(error));
  }
}

/** Two files of one import may name the same server; the first counts. */
function repeated(record: ServerRecord, earlier: ServerRecord): Planned {
  if (sameJson(comparable(record, false), comparable(earlier, false)))
    return leave(record.name, 'unchanged', 'an earlier entry of this import is the same');
  return leave(record.name, 'conflict', 'an earlier entry of this import has this name');
}

/**
 * Compares records with what is stored and says what importing them would do. Writes nothing. `skipped` entries of
 * the reading become rows too.
 */
export async function planImport(
  reading: { readonly records: readonly ServerRecord[]; readonly skipped: readonly SkippedEntry[] },
  target: ImportTarget,
  options: PlanOptions,
): Promise<ImportPlan> {
  const rows: PlanRow[] = [];
  const steps: PlanStep[] = [];
  const seen = new Map<string, ServerRecord>();
  for (const record of reading.records) {
    const key = JSON.stringify([record.name, record.server?.version]);
    const earlier = seen.get(key);
    const planned =
      earlier === undefined ? await planOrSkip(record, target, options) : repeated(record, earlier);
    if (earlier === undefined) seen.set(key, record);
    rows.push(planned.row);
    if (planned.step !== undefined) steps.push(planned.step);
  }
  for (const { name, reason } of reading.skipped)
    rows.push({ name, action: 'skip', reason, moved: [] });
  return { rows, steps };
}
