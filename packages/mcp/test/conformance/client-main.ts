// The command of the suites' client leg: `node client-main.ts <url>`. Authorization is a matter of another hop.
if (process.env['MCP_CONFORMANCE_SCENARIO']?.startsWith('auth/') !== true) {
  const { runClientScenario } = await import('./client-scenario.ts');
  await runClientScenario({
    url: process.argv.at(-1) ?? '',
    scenario: process.env['MCP_CONFORMANCE_SCENARIO'] ?? '',
    context: process.env['MCP_CONFORMANCE_CONTEXT'],
    revision: process.env['MCP_CONFORMANCE_PROTOCOL_VERSION'],
  });
}
