import { expect, test } from 'vitest';
import { hideSecretsOf } from '../../src/upstream/process/child-secrets.ts';

test('hideSecretsOf() hides what a program was given as a secret, and nothing else (S16)', () => {
  const hide = hideSecretsOf({
    args: [
      '--api-key',
      'key-value',
      '--token=token-value',
      'PASSWORD=pass-value',
      '--verbose',
      'plain-value',
      '--auth=short',
      '--keyfile=x',
      '-x',
    ],
    env: { GITHUB_TOKEN: 'env-value', HOME: '/home/user', EMPTY_KEY: '', UNSET_SECRET: undefined },
  });
  const said =
    'key-value token-value pass-value env-value plain-value /home/user short postgres://me:pw@host/db';
  expect(hide(said)).toBe('*** *** *** *** plain-value /home/user short postgres://***@host/db');
});
