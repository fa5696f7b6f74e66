import { existsSync, readFileSync } from 'node:fs';
import type { Plugin } from 'vite';

const NAME = 'virtual:error-texts';
const ID = `\0${NAME}`;

/** The entries of `docs/errors.md` by code, as plain text: what the code means, its causes, and what to do. */
export function readErrorTexts(markdown: string): Readonly<Record<string, string>> {
  const sections = markdown.split(/^(?=##? )|^### /m).slice(1);
  const entries = sections.flatMap((section) => {
    const [code = '', ...lines] = section.split('\n');
    if (!/^[A-Z][\w-]+$/.test(code)) return [];
    const text = lines
      .join('\n')
      .replaceAll('&lt;', '<')
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .trim();
    return [[code, text] as const];
  });
  return Object.fromEntries(entries);
}

/** Gives the page the texts of the documentation, as a module that is loaded when somebody wants to read one. */
export function errorTexts(file: string): Plugin {
  return {
    name: 'error-texts',
    resolveId: (name) => (name === NAME ? ID : undefined),
    load(id) {
      if (id !== ID) return undefined;
      this.addWatchFile(file);
      const texts = existsSync(file) ? readErrorTexts(readFileSync(file, 'utf8')) : {};
      // As text to be parsed: browsers read it faster than an object of the language.
      return `export const errorTexts = JSON.parse(${JSON.stringify(JSON.stringify(texts))});`;
    },
  };
}
