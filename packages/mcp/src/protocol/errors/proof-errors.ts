import type { ErrorTable } from './error-facts.ts';

/** What keeps `cortex-mcp profile` from looking into a running service. */
export const PROOF_ERRORS: ErrorTable = {
  INSPECTOR_REFUSED: {
    meaning: 'The process may not be profiled, or another one answers at its inspector.',
    causes: [
      'it belongs to another user',
      'it is no Node process',
      'its process id is used by another one now',
    ],
    remedy: 'run the command as the user of the service; name its process with --pid',
  },
  INSPECTOR_CLOSED: {
    meaning: 'The process did not open its inspector in time.',
    causes: ['its port, 9229, is taken by another process', 'its event loop is blocked'],
    remedy: 'read its stderr; free the port, or start it with --inspect-port of its own',
  },
  INSPECTOR_EXPOSED: {
    meaning: 'The inspector would listen where other machines reach it; it was closed again.',
    causes: ['--inspect-port with an address other than loopback'],
    remedy: 'take --inspect-port out of its options, or give it 127.0.0.1',
  },
};
