import { z } from 'zod';
import { boolean, integer } from './schema-words.ts';

/** `audit` of a configuration file, as written. */
export interface FileAudit {
  readonly enabled?: boolean | undefined;
  readonly required?: boolean | undefined;
  readonly maxFileBytes?: number | undefined;
  readonly maxFiles?: number | undefined;
}

/** What becomes of tools that are not as they were approved. */
export const PIN_MODES = ['alert', 'quarantine', 'off'] as const;
export const FIRST_USES = ['approve', 'require'] as const;
export const ODD_TEXT_MODES = ['flag', 'strip'] as const;

/** `pins` of a configuration file, as written. */
export interface FilePins {
  readonly mode?: (typeof PIN_MODES)[number] | undefined;
  readonly firstUse?: (typeof FIRST_USES)[number] | undefined;
}

/** What a file says of the audit log, pins and texts of servers. */
export interface FileOversight {
  readonly audit?: FileAudit | undefined;
  readonly pins?: FilePins | undefined;
  readonly oddText?: (typeof ODD_TEXT_MODES)[number] | undefined;
}

function oneOf<const T extends readonly string[]>(values: T): z.ZodType<T[number]> {
  return z.enum(values, `must be one of ${values.join(', ')}`);
}

const auditShape = {
  enabled: boolean.optional().meta({
    description: 'Record every call in audit.jsonl of the state folder (MCP_AUDIT).',
    default: true,
  }),
  required: boolean.optional().meta({
    description: 'Refuse calls while they cannot be recorded (MCP_AUDIT_REQUIRED).',
    default: false,
  }),
  maxFileBytes: integer(65_536, 4_294_967_296)
    .optional()
    .meta({ description: 'A file of this size is put aside.', default: 67_108_864 }),
  maxFiles: integer(1, 1_000)
    .optional()
    .meta({ description: 'Files that are kept beside the current one.', default: 8 }),
};

/** Also a connector's own key. */
export const pinModeSchema: z.ZodType<(typeof PIN_MODES)[number]> = oneOf(PIN_MODES);

const pinsShape = {
  mode: pinModeSchema.optional().meta({
    description:
      'When a tool is not as it was approved: say so, also refuse its calls, or do not look (MCP_PINS).',
    default: 'alert',
  }),
  firstUse: oneOf(FIRST_USES).optional().meta({
    description:
      'Whether what is seen of a server for the first time counts as approved (MCP_PINS_FIRST_USE).',
    default: 'approve',
  }),
};

const object = 'must be an object';

/** The schemas of these keys in a configuration file. */
export const oversightShape: {
  readonly audit: z.ZodOptional<z.ZodType<FileAudit>>;
  readonly pins: z.ZodOptional<z.ZodType<FilePins>>;
  readonly oddText: z.ZodOptional<z.ZodType<(typeof ODD_TEXT_MODES)[number]>>;
} = {
  audit: z
    .object(auditShape, object)
    .optional()
    .meta({ description: 'The log of all calls (S18).' }),
  pins: z
    .object(pinsShape, object)
    .optional()
    .meta({ description: 'Approval of tool definitions (S9).' }),
  oddText: oneOf(ODD_TEXT_MODES).optional().meta({
    description:
      'Descriptions of servers with characters that nobody sees: list them as they are, or without (MCP_ODD_TEXT).',
    default: 'flag',
  }),
};

export const AUDIT_KEYS: readonly string[] = Object.keys(auditShape);
export const PINS_KEYS: readonly string[] = Object.keys(pinsShape);
