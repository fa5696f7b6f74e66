import type { z } from 'zod';
import type { ServerRecord } from '../server-record.ts';
import { isOperatorRecord, readInertRecord } from './inert-record.ts';
import type { RegistryHandle } from './registry-handle.ts';
import { ToolError } from './tool-error.ts';
import type { registerInput, unregisterInput } from './tool-schemas.ts';

function refuseOperators(records: readonly ServerRecord[]): void {
  const own = records.find(isOperatorRecord);
  if (own === undefined) return;
  const message = `${own.name} belongs to the operator, who changes it with cortex-mcp`;
  throw new ToolError('security_error', message);
}

/** `register`: looks and writes in one turn, so that two callers cannot both be first (defect 25). */
export async function registerServer(
  handle: RegistryHandle,
  { server, overwrite = false }: z.infer<typeof registerInput>,
  now: () => Date,
): Promise<Record<string, unknown>> {
  const { record, ignored } = readInertRecord(server, now().toISOString());
  const { name } = record;
  const version = record.server?.version;
  return handle.use('write', async (cache) => {
    const all = cache.versions(name);
    refuseOperators(all);
    const replaced = all.some((one) => one.server?.version === version);
    if (replaced && !overwrite)
      throw new ToolError('duplicate_server', `${name} is registered already; set overwrite`);
    await cache.upsert(record);
    return { name, replaced, ignored, ...(version !== undefined && { version }) };
  });
}

/** `unregister`: one version, or every entry of the name. */
export async function unregisterServer(
  handle: RegistryHandle,
  { name, version }: z.infer<typeof unregisterInput>,
): Promise<Record<string, unknown>> {
  return handle.use('write', async (cache) => {
    const all = cache.versions(name);
    const chosen = all.filter((one) => version === undefined || one.server?.version === version);
    if (chosen.length === 0) throw new ToolError('not_found', `there is no server called ${name}`);
    refuseOperators(chosen);
    const removed = await cache.remove(name, version);
    return { name, removed };
  });
}
