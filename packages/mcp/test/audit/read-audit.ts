import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A line of an audit log. */
export type AuditLine = Readonly<Record<string, unknown>>;

/** Every record of a state folder's audit log. Throws when a line is no JSON. */
export async function readAudit(stateFolder: string): Promise<AuditLine[]> {
  const text = await readFile(join(stateFolder, 'audit.jsonl'), 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as AuditLine);
}
