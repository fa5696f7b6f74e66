/** The words after `cortex-mcp` in a line of shell: no variables before it, nothing after a pipe or redirection. */
export function exampleWords(example: string): string[] {
  const line = /(?:^|\s)cortex-mcp(?:\s(.*))?$/.exec(example)?.[1] ?? '';
  const words = [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, bare]) => single ?? double ?? bare ?? '',
  );
  const end = words.findIndex((word) => /^(?:\||>|2?>&?1?|&&|;)/.test(word));
  return end === -1 ? words : words.slice(0, end);
}
