import { expect, test } from 'vitest';
import { type ConnectorDefinition, DEFAULT_TIMEOUTS } from '../../src/connectors/connector.ts';
import { redactConnector } from '../../src/config/redact-connector.ts';

function definition(transport: ConnectorDefinition['transport']): ConnectorDefinition {
  return {
    id: 'a',
    title: 'A',
    origin: 'local',
    enabled: true,
    transport,
    era: 'auto',
    timeouts: DEFAULT_TIMEOUTS,
    problem: undefined,
  };
}

test('redactConnector() hides header values, user info, query and fragment', () => {
  const shown = redactConnector(
    definition({
      kind: 'http',
      url: 'https://user:s3cret@h.example/mcp?token=s3cret#s3cret',
      headers: { Authorization: 'Bearer s3cret' },
    }),
  );
  expect(JSON.stringify(shown)).not.toContain('s3cret');
  expect(shown.transport).toEqual({
    kind: 'http',
    url: 'https://[redacted]@h.example/mcp?[redacted]',
    headers: { Authorization: '[redacted]' },
  });
});

test('redactConnector() hides env values and the secrets in arguments', () => {
  const shown = redactConnector(
    definition({
      kind: 'stdio',
      command: 'npx',
      args: [
        '-y',
        'server@1',
        '--api-key',
        's3cret',
        '--token=s3cret',
        '--verbose',
        'postgresql://u:s3cret@db/x?p=s3cret',
        '--header',
        'Authorization: Bearer s3cret',
        '--auth',
        '--port',
        '1',
      ],
      env: { TOKEN: 's3cret' },
      cwd: '/w',
    }),
  );
  expect(JSON.stringify(shown)).not.toContain('s3cret');
  expect(shown.transport).toMatchObject({
    command: 'npx',
    args: [
      '-y',
      'server@1',
      '--api-key',
      '[redacted]',
      '--token=[redacted]',
      '--verbose',
      'postgresql://[redacted]@db/x?[redacted]',
      '--header',
      'Authorization: [redacted]',
      '--auth',
      '--port',
      '1',
    ],
    env: { TOKEN: '[redacted]' },
  });
});

test('redactConnector() leaves a definition without transport as it is', () => {
  const broken = { ...definition(undefined), problem: '${X} has no value' };
  expect(redactConnector(broken)).toEqual(broken);
});
