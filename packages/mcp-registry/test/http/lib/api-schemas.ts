import { readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';
import * as formats from 'ajv-formats';

// The responses as the OpenAPI document of the registry API (version 2025-12-01) describes them, stricter where a known
// client needs it: `_meta` with the official block and `metadata` with `count` are always there.

const serverSchema: object = JSON.parse(
  readFileSync(new URL('../fixtures/server.schema.2025-12-11.json', import.meta.url), 'utf8'),
);
const serverSchemaId =
  'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json';

const item = {
  type: 'object',
  required: ['server', '_meta'],
  additionalProperties: false,
  properties: {
    server: {
      allOf: [
        { $ref: serverSchemaId },
        { required: ['$schema'], properties: { $schema: { const: serverSchemaId } } },
      ],
    },
    _meta: {
      type: 'object',
      required: ['io.modelcontextprotocol.registry/official'],
      propertyNames: { pattern: String.raw`^[a-z\d-]+(\.[a-z\d-]+)+/[a-z-]+$` },
      properties: {
        'io.modelcontextprotocol.registry/official': {
          type: 'object',
          required: ['status', 'statusChangedAt', 'publishedAt', 'updatedAt', 'isLatest'],
          additionalProperties: false,
          properties: {
            status: { enum: ['active', 'deprecated', 'deleted'] },
            statusMessage: { type: 'string', maxLength: 500 },
            statusChangedAt: { type: 'string', format: 'date-time' },
            publishedAt: { type: 'string', format: 'date-time' },
            updatedAt: { type: 'string', format: 'date-time' },
            isLatest: { type: 'boolean' },
          },
        },
      },
    },
  },
};

const list = {
  type: 'object',
  required: ['servers', 'metadata'],
  additionalProperties: false,
  properties: {
    servers: { type: 'array', items: item, maxItems: 1_000 },
    metadata: {
      type: 'object',
      required: ['count'],
      additionalProperties: false,
      properties: {
        nextCursor: { type: 'string', pattern: String.raw`^[\w-]+$` },
        count: { type: 'integer', minimum: 0 },
      },
    },
  },
};

const allVersionsStatus = {
  type: 'object',
  required: ['updatedCount', 'servers'],
  additionalProperties: false,
  properties: { updatedCount: { type: 'integer' }, servers: { type: 'array', items: item } },
};

const error = {
  type: 'object',
  required: ['error', 'type', 'title', 'status', 'detail', 'code'],
  additionalProperties: false,
  properties: {
    error: { type: 'string', minLength: 1 },
    type: { const: 'about:blank' },
    title: { type: 'string' },
    status: { type: 'integer', minimum: 400 },
    detail: { type: 'string' },
    code: { type: 'string', pattern: '^[A-Z_]+$' },
  },
};

const ajv = new Ajv({ strict: false, allErrors: true });
formats.default.default(ajv);
ajv.addSchema(serverSchema);

const compiled = {
  item: ajv.compile(item),
  list: ajv.compile(list),
  allVersionsStatus: ajv.compile(allVersionsStatus),
  error: ajv.compile(error),
};

/** Whether a document is valid by the official schema. */
export const isServerJson: ValidateFunction = ajv.compile({ $ref: serverSchemaId });

function schemaFor(path: string, status: number): ValidateFunction {
  if (status >= 400) return compiled.error;
  if (/\/servers\/[^/]+\/status$/u.test(path)) return compiled.allVersionsStatus;
  return /\/(?:servers|versions)$/u.test(path) ? compiled.list : compiled.item;
}

/** The faults of an answer by the schema its path and status have; undefined when there are none. */
export function answerFaults(path: string, status: number, body: unknown): string | undefined {
  const validate = schemaFor(path, status);
  return validate(body) ? undefined : ajv.errorsText(validate.errors);
}
