import { access, constants, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { UsageError } from './command.ts';

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

/**
 * Looks whether a file can be written before something is measured for an hour to be written there.
 * @throws UsageError
 */
export async function checkOutput(file: string): Promise<void> {
  const folder = dirname(file);
  try {
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new UsageError(
      `-o ${file}: ${folder} cannot be written to (${codeOf(error)})`,
      'OUTPUT_UNWRITABLE',
    );
  }
  const found = await stat(file).catch(() => undefined); // not there: it will be made
  if (found?.isDirectory() === true)
    throw new UsageError(`-o ${file} is a folder`, 'OUTPUT_UNWRITABLE', 'name a file');
}
