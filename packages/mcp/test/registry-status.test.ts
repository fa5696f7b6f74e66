import { expect, test } from 'vitest';
import { RegistryError } from '@cortex-os/mcp-registry';
import { shownHealth } from '../src/service/registry/registry-status.ts';

const numbers = { records: 1, generation: 2, durableGeneration: 1, unflushedMs: 5 };

test('shownHealth() turns errors into messages, which JSON would drop', () => {
  const access = { kind: 'reader', reason: new RegistryError('EROFS', 'read-only disk') } as const;
  expect(shownHealth({ ...numbers, access, lastError: new Error('disk on fire') })).toEqual({
    ...numbers,
    access: 'reader',
    reason: 'read-only disk',
    lastError: 'disk on fire',
  });
  expect(shownHealth({ ...numbers, access: { kind: 'writer' }, lastError: 'odd' })).toEqual({
    ...numbers,
    access: 'writer',
    lastError: 'odd',
  });
});
