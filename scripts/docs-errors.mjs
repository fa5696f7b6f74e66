/** `docs/errors.md` from the table of all stable codes. */
import { ALL_ERRORS } from '../packages/mcp/src/protocol/errors/all-errors.ts';

const introduction = `# Errors

Made by \`scripts/docs-generate.mjs\` from \`packages/mcp/src/protocol/errors/\`; do not edit.

Each failure has a code that stays the same from version to version; messages do not. \`cortex-mcp explain <code>\` says the
same as this page. Where a failure is data (\`/status\`, \`error.data\` of JSON-RPC, \`--json\`), it carries \`code\`, what to do
as \`remedy\`, and its place here as \`docs\`; failures of connectors also name the connector and the
[phase](operations.md#states-and-phases). What to look at when there is no code: [troubleshooting](troubleshooting.md).`;

/** Angle brackets are placeholders, not HTML. */
const escaped = (text) => text.replaceAll('<', '&lt;').replaceAll('*', String.raw`\*`);

function entry(code, { meaning, causes, remedy }) {
  const listed = causes.filter((cause) => cause !== '—').map((cause) => `- ${escaped(cause)}`);
  const parts = [
    `### ${code}`,
    escaped(meaning),
    ...(listed.length > 0 ? [listed.join('\n')] : []),
  ];
  return [...parts, `Do: ${escaped(remedy)}.`].join('\n\n');
}

/** The whole page. */
export function errorsPage() {
  const contents = ALL_ERRORS.map(({ title, codes }) => {
    const anchor = title
      .toLowerCase()
      .replaceAll(/[^\w\s-]/g, '')
      .replaceAll(/\s/g, '-');
    return `- [${title}](#${anchor}): ${Object.keys(codes).length} codes`;
  });
  const chapters = ALL_ERRORS.map(({ title, intro, codes }) =>
    [
      `## ${title}`,
      intro,
      ...Object.entries(codes).map(([code, facts]) => entry(code, facts)),
    ].join('\n\n'),
  );
  return `${[introduction, contents.join('\n'), ...chapters].join('\n\n')}\n`;
}
