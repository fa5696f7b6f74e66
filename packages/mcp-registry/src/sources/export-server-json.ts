import { isJsonObject } from '../json-object.ts';
import { parseServerJson, toServerJson, type ServerJson } from '../server-json.ts';
import type { ServerRecord } from '../server-record.ts';
import { withPlaceholders } from './export-entry.ts';
import { isLiteralSecret, isSecretName } from './secret-detection.ts';

/** Members of a stored record that say something about this machine and not about the server. */
const ownMembers: ReadonlySet<string> = new Set([
  'source',
  'origin',
  'connector',
  'enabled',
  'cwd',
  'envFile',
]);

/** Inputs that hold a secret lose it, so that whoever uses the document is asked for theirs. */
function withoutSecretInputs(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecretInputs);
  if (!isJsonObject(value)) return value;
  const name = typeof value['name'] === 'string' ? value['name'] : '';
  const sensitive = value['isSecret'] === true || isSecretName(name);
  return Object.fromEntries(
    Object.entries(value)
      .filter(
        ([key, member]) =>
          !['value', 'default'].includes(key) ||
          typeof member !== 'string' ||
          !isLiteralSecret(member, sensitive),
      )
      .map(([key, member]) => [key, withoutSecretInputs(member)]),
  );
}

/**
 * The `server.json` of a record without secrets and without what concerns only this machine.
 * @throws RegistryError `EINVALIDRECORD` when the record cannot be one.
 */
export function exportServerJson(record: ServerRecord): ServerJson {
  if (record.server !== undefined) return parseServerJson(withoutSecretInputs(record.server));
  const { record: shown } = withPlaceholders(record, 'server-json');
  const info = Object.fromEntries(Object.entries(shown).filter(([key]) => !ownMembers.has(key)));
  return toServerJson({ ...info, name: shown.name, transport: shown.transport });
}
