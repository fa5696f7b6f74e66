import { isObject } from './json.ts';
import type { Field } from './schema-field.ts';

/** What was typed so far: a text per input, a list of drafts per list, and so on. An empty text is nothing. */
export type Draft = string | readonly Draft[] | { readonly [key: string]: Draft };

export interface FormProblem {
  /** Where: keys and indexes from the top, joined by dots. */
  readonly path: string;
  readonly why: string;
}

type Taken = { readonly kind: 'value'; readonly value: unknown } | { readonly kind: 'nothing' };

type Scalar = Exclude<Field, { kind: 'object' | 'list' }>;

const NOTHING: Taken = { kind: 'nothing' };

export function draftText(draft: Draft | undefined): string {
  return typeof draft === 'string' ? draft : '';
}

function isList(draft: Draft): draft is readonly Draft[] {
  return Array.isArray(draft);
}

export function draftItems(draft: Draft | undefined): readonly Draft[] {
  return draft !== undefined && isList(draft) ? draft : [];
}

export function draftMembers(draft: Draft | undefined): Readonly<Record<string, Draft>> {
  return typeof draft === 'object' && !isList(draft) ? draft : {};
}

function objectDraft(field: Field & { kind: 'object' }, value: unknown): Draft {
  const from = isObject(value) ? value : {};
  const entries = field.fields.map(({ key, field: inner }) => [
    key,
    draftOf(inner, Object.hasOwn(from, key) ? from[key] : inner.standard),
  ]);
  return Object.fromEntries(entries);
}

function choiceDraft(field: Field & { kind: 'choice' }, value: unknown): Draft {
  const wanted = JSON.stringify(value);
  const index = field.options.findIndex((one) => JSON.stringify(one) === wanted);
  if (value !== undefined && index !== -1) return String(index);
  return field.isRequired && field.options.length === 1 ? '0' : '';
}

function booleanDraft(field: Field, value: unknown): Draft {
  if (typeof value === 'boolean') return String(value);
  return field.isRequired ? 'false' : '';
}

function plainDraft(value: unknown): Draft {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The draft that stands for a value; the schema's default when there is none. */
export function draftOf(field: Field, value: unknown = field.standard): Draft {
  switch (field.kind) {
    case 'object':
      return objectDraft(field, value);
    case 'list':
      return Array.isArray(value) ? value.map((one) => draftOf(field.item, one)) : [];
    case 'choice':
      return choiceDraft(field, value);
    case 'boolean':
      return booleanDraft(field, value);
    case 'json':
      return value === undefined ? '' : JSON.stringify(value, undefined, 2);
    case 'text':
    case 'number':
      return plainDraft(value);
  }
}

class Collector {
  readonly problems: FormProblem[] = [];

  take(field: Field, draft: Draft | undefined, path: string): Taken {
    if (field.kind === 'object') return this.#object(field, draft, path);
    if (field.kind === 'list') return this.#list(field, draft, path);
    const text = draftText(draft);
    if (text === '' || (field.kind !== 'text' && text.trim() === '')) {
      if (field.isRequired) this.problems.push({ path, why: 'is needed' });
      return NOTHING;
    }
    return this.#scalar(field, text, path);
  }

  #object(field: Field & { kind: 'object' }, draft: Draft | undefined, path: string): Taken {
    const drafts = draftMembers(draft);
    // An object that may be left out and in which nothing is set is left out, whatever it would need inside.
    if (!field.isRequired && isUntouched(field, drafts)) return NOTHING;
    const value: Record<string, unknown> = {};
    for (const { key, field: inner } of field.fields) {
      const taken = this.take(inner, drafts[key], path === '' ? key : `${path}.${key}`);
      if (taken.kind !== 'value') continue;
      // Not by assignment: a member may be called `__proto__`.
      Object.defineProperty(value, key, {
        value: taken.value,
        enumerable: true,
        configurable: true,
        writable: true,
      });
    }
    return { kind: 'value', value };
  }

  #list(field: Field & { kind: 'list' }, draft: Draft | undefined, path: string): Taken {
    const drafts = draftItems(draft);
    if (drafts.length === 0 && !field.isRequired) return NOTHING;
    const value = drafts.flatMap((one, index) => {
      const taken = this.take(field.item, one, `${path}.${index}`);
      return taken.kind === 'value' ? [taken.value] : [];
    });
    return { kind: 'value', value };
  }

  #scalar(field: Scalar, text: string, path: string): Taken {
    switch (field.kind) {
      case 'number': {
        const value = Number(text);
        const isRight = Number.isFinite(value) && (!field.isInteger || Number.isInteger(value));
        if (isRight) return { kind: 'value', value };
        this.problems.push({ path, why: field.isInteger ? 'is no whole number' : 'is no number' });
        return NOTHING;
      }
      case 'boolean':
        return { kind: 'value', value: text === 'true' };
      case 'choice':
        return { kind: 'value', value: field.options[Number(text)] };
      case 'json':
        return this.#json(text, path);
      case 'text':
        return { kind: 'value', value: text };
    }
  }

  #json(text: string, path: string): Taken {
    try {
      return { kind: 'value', value: JSON.parse(text) as unknown };
    } catch {
      this.problems.push({ path, why: 'is no JSON' });
      return NOTHING;
    }
  }
}

function isUntouched(field: Field, draft: Draft | undefined): boolean {
  if (field.kind === 'object') {
    const drafts = draftMembers(draft);
    return field.fields.every(({ key, field: inner }) => isUntouched(inner, drafts[key]));
  }
  if (field.kind === 'list') return draftItems(draft).length === 0;
  // What a needed boolean or a single choice begins with was not chosen by anybody.
  const text = draftText(draft);
  return text === '' || (field.standard === undefined && text === draftOf(field));
}

/** The value a draft stands for, and what is wrong with it; what is wrong is left out of the value. */
export function draftValue(
  field: Field,
  draft: Draft,
): { readonly value: unknown; readonly problems: readonly FormProblem[] } {
  const collector = new Collector();
  const taken = collector.take(field, draft, '');
  return {
    value: taken.kind === 'value' ? taken.value : {},
    problems: collector.problems,
  };
}

/** The arguments that a text of JSON stands for; nothing but blanks is no arguments. */
export function textValue(text: string): ReturnType<typeof draftValue> {
  try {
    const value: unknown = text.trim() === '' ? {} : JSON.parse(text);
    if (isObject(value)) return { value, problems: [] };
    return { value: {}, problems: [{ path: '', why: 'is no JSON object' }] };
  } catch (error) {
    const why = error instanceof Error ? error.message : '';
    return { value: {}, problems: [{ path: '', why: `is no JSON: ${why}` }] };
  }
}
