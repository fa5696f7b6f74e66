import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repoRoot: string = fileURLToPath(new URL('../../../../', import.meta.url));

export interface ImportEdge {
  /** Importing file, relative to the folder that was read. */
  readonly from: string;
  /** Imported file relative to that folder, or the package specifier as written. */
  readonly to: string;
  /** A whole `import type` or `export type` statement. */
  readonly typeOnly: boolean;
}

const statement =
  /^(?:import|export)\s+(?<type>type\s)?(?:[\w$*{][^;'"]*?\sfrom\s+)?['"](?<target>[^'"]+)['"]/gmu;
const dynamicImport = /\bimport\(\s*['"](?<target>[^'"]+)['"]\s*\)/gu;

/** All `.ts` files below a folder, relative to it, with `/` between parts; none when there is no folder. */
export function sourceFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => name.endsWith('.ts') && !name.startsWith('node_modules/'))
    .toSorted();
}

/** Every import and re-export found in one file's text, types included. */
export function importsOf(file: string, text: string): ImportEdge[] {
  const edges: ImportEdge[] = [];
  for (const pattern of [statement, dynamicImport]) {
    for (const match of text.matchAll(pattern)) {
      const target = match.groups?.['target'] ?? '';
      edges.push({
        from: file,
        to: target.startsWith('.') ? join(dirname(file), target) : target,
        typeOnly: match.groups?.['type'] !== undefined,
      });
    }
  }
  return edges;
}

/** The import graph of a source folder. */
export function readImports(folder: string): ImportEdge[] {
  return sourceFiles(folder).flatMap((file) =>
    importsOf(file, readFileSync(join(folder, file), 'utf8')),
  );
}

/** `gateway` for `gateway/modern.ts`, `service.ts` for a file at the top. */
export function partOf(file: string): string {
  return file.split('/')[0] ?? file;
}

/** Path of a file relative to the repository, for messages. */
export function inRepo(file: string): string {
  return relative(repoRoot, file);
}
