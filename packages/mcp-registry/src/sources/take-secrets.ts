import type { ServerRecord } from '../server-record.ts';
import { clientSource } from './client.ts';
import { isPlaceholderOf } from './placeholder.ts';
import { mapRecordValues, recordValues } from './record-values.ts';
import { hasSecretDefault, isLiteralSecret } from './secret-detection.ts';
import {
  maxSecretBytes,
  secretFileOf,
  secretReference,
  type SecretFolder,
} from './secret-folder.ts';
import { SourceError } from './source-error.ts';

/** A secret that a record now only refers to. */
export interface TakenSecret {
  /** The variable, header or option it was the value of. */
  readonly label: string;
  /** The file in `secrets/` that it belongs into. */
  readonly file: string;
  readonly value: string;
}

/** A record without its secrets, and those. */
export interface TakenRecord {
  readonly record: ServerRecord;
  /** To be created before the record is stored. */
  readonly secrets: readonly TakenSecret[];
  /** Labels of values whose default, which was left, looks like a secret. */
  readonly leftDefaults: readonly string[];
}

interface KnownSecret {
  readonly reference: string;
  readonly value: string | undefined;
}

async function knownSecrets(
  existing: ServerRecord | undefined,
  folder: Pick<SecretFolder, 'read'>,
): Promise<Map<string, KnownSecret>> {
  const known = new Map<string, KnownSecret>();
  for (const [key, text] of existing === undefined ? [] : recordValues(existing)) {
    const file = secretFileOf(text);
    if (file !== undefined) known.set(key, { reference: text, value: await folder.read(file) });
  }
  return known;
}

/** Inputs that were only asked for in place of a stored secret are not needed any more. */
function withUsedInputs(record: ServerRecord): ServerRecord {
  const source = clientSource(record);
  if (source?.inputs === undefined) return record;
  const { inputs, ...rest } = source;
  const text = JSON.stringify({ ...record, source: rest });
  const used = inputs.filter(({ id }) => text.includes(`\${input:${String(id)}}`));
  return { ...record, source: { ...rest, ...(used.length > 0 && { inputs: used }) } };
}

/**
 * Replaces the secrets written out in a record by references to files in `secrets/`. With the stored record given, a
 * secret it has already, or the placeholder that an export put in its place, becomes the reference it has. Writes
 * nothing.
 * @throws SourceError `ETOOLARGE` for a secret above {@link maxSecretBytes}.
 */
export async function takeSecrets(
  given: ServerRecord,
  folder: Pick<SecretFolder, 'name' | 'read'>,
  existing?: ServerRecord,
): Promise<TakenRecord> {
  // A published document is not where its user keeps secrets, and is kept verbatim.
  if (given.server !== undefined) return { record: given, secrets: [], leftDefaults: [] };
  const known = await knownSecrets(existing, folder);
  const secrets: TakenSecret[] = [];
  const leftDefaults: string[] = [];
  const record = mapRecordValues(given, (value, slot) => {
    const stored = known.get(slot.key);
    if (stored !== undefined && (value === stored.value || isPlaceholderOf(value, given, slot)))
      return stored.reference;
    if (hasSecretDefault(value, slot.sensitive)) leftDefaults.push(slot.label);
    if (!isLiteralSecret(value, slot.sensitive)) return value;
    if (Buffer.byteLength(value) > maxSecretBytes)
      throw new SourceError('ETOOLARGE', `the value of ${slot.label} is too large for a secret`);
    const file = folder.name(given.name, slot.label);
    secrets.push({ label: slot.label, file, value });
    return secretReference(file, slot.embedded);
  });
  return { record: withUsedInputs(record), secrets, leftDefaults };
}
