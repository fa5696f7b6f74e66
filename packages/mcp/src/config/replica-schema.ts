import { z } from 'zod';
import type { ConnectorReplicas } from '../connectors/connector.ts';
import { createExpander } from './expander.ts';
import type { OptionalShape } from './schema-words.ts';
import type { VariableScope } from './variables.ts';

const BALANCES = ['round-robin', 'weighted', 'least-in-flight', 'ewma'] as const;
const weightMessage = 'must be a number from 0.01 to 1000';
const weight = z.number(weightMessage).min(0.01, weightMessage).max(1000, weightMessage);
const instancesMessage = 'must be a whole number from 1 to 64';
const replica = z.object(
  {
    url: z.string('must be a string').meta({ description: 'Its address.' }),
    weight: weight.optional().meta({ description: 'Its share of the calls.', default: 1 }),
  },
  'must be an object with url and weight',
);

/** Further servers that stand for the same connector, as a file gives them. */
export interface FileReplicas {
  readonly replicas?:
    | readonly { readonly url: string; readonly weight?: number | undefined }[]
    | undefined;
  readonly weight?: number | undefined;
  readonly balance?: (typeof BALANCES)[number] | undefined;
  readonly instances?: number | undefined;
}

/** Keys of an entry that concern replicas. */
export const replicaShape: OptionalShape<FileReplicas> = {
  replicas: z.array(replica, 'must be an array of objects with url').max(63).optional().meta({
    description:
      'More addresses of the same server; calls are balanced over them and url. They get the same headers.',
  }),
  weight: weight.optional().meta({ description: 'Share of url among the replicas.', default: 1 }),
  balance: z
    .enum(BALANCES, `must be one of ${BALANCES.join(', ')}`)
    .optional()
    .meta({
      description: 'How a replica is chosen (S2-17).',
      default: 'least-in-flight',
    }),
  instances: z
    .int(instancesMessage)
    .min(1, instancesMessage)
    .max(64, instancesMessage)
    .optional()
    .meta({
      description:
        'Processes that share the calls of a stdio server without state, with the flag MCP_STDIO_POOL.',
      default: 1,
    }),
};

/** The replicas of an entry, or why they cannot be used. */
export type ReplicaReading =
  | { readonly replicas: ConnectorReplicas | undefined; readonly problem: undefined }
  | { readonly replicas: undefined; readonly problem: string };

function unusable(problem: string): ReplicaReading {
  return { replicas: undefined, problem };
}

/** One address with its variables put in, or what is wrong with it. */
function readAddress(raw: string, scope: VariableScope): URL | string {
  const expander = createExpander(scope);
  const url = URL.parse(expander.expand(raw).trim());
  const problem = expander.problem();
  if (problem !== undefined) return problem;
  const isUsable =
    url !== null && /^https?:$/.test(url.protocol) && url.username + url.password === '';
  return isUsable ? url : 'a url of replicas must be https://host/path without user info';
}

/** Addresses with their variables put in; secrets from files have their place in headers. */
export function readReplicas(entry: FileReplicas, scope: VariableScope): ReplicaReading {
  const more: { url: string; weight: number }[] = [];
  for (const { url: raw, weight: own = 1 } of entry.replicas ?? []) {
    const url = readAddress(raw, scope);
    if (typeof url === 'string') return unusable(url);
    more.push({ url: url.href, weight: own });
  }
  const { instances = 1, weight: first = 1, balance = 'least-in-flight' } = entry;
  const hasMore = more.length > 0 || instances > 1;
  const replicas = hasMore ? { more, weight: first, balance, instances } : undefined;
  return { replicas, problem: undefined };
}
