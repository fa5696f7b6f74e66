// The command of the suites' client leg: `node client-main.ts <url>`.
const scenario = process.env['MCP_CONFORMANCE_SCENARIO'] ?? '';
const given = {
  url: process.argv.at(-1) ?? '',
  scenario,
  context: process.env['MCP_CONFORMANCE_CONTEXT'],
  revision: process.env['MCP_CONFORMANCE_PROTOCOL_VERSION'],
};
if (scenario.startsWith('auth/')) {
  const { runAuthScenario } = await import('./client-auth.ts');
  await runAuthScenario(given);
} else {
  const { runClientScenario } = await import('./client-scenario.ts');
  await runClientScenario(given);
}
