import { parse } from 'jsonc-parser';
import { expect, test } from 'vitest';
import { insertJsonMember, jsonValue } from '../../src/cli/connect-json.ts';

const MEMBER = { key: 'c', value: { u: 'x' } };

test.each([
  ['', '{\n  "s": {\n    "c": {\n      "u": "x"\n    }\n  }\n}\n'],
  ['{}', '{\n  "s": {\n    "c": {\n      "u": "x"\n    }\n  }\n}'],
  ['{"s":{"a":1}}', '{"s":{"a":1, "c": {"u":"x"}}}'],
  ['{"s":{"a":1 , }}', '{"s":{"a":1 , "c": {"u":"x"} }}'],
  ['{\n\t"s": {}\n}', '{\n\t"s": {\n\t\t"c": {\n\t\t\t"u": "x"\n\t\t}\n\t}\n}'],
  [
    '{\r\n "s": {\r\n  "a": 1 // n\r\n }\r\n}',
    '{\r\n "s": {\r\n  "a": 1, // n\r\n  "c": {\r\n   "u": "x"\r\n  }\r\n }\r\n}',
  ],
  [
    '{\n  "s": {\n    "a": 1, /* n */\n    // end\n  }\n}',
    '{\n  "s": {\n    "a": 1, /* n */\n    "c": {\n      "u": "x"\n    },\n    // end\n  }\n}',
  ],
  ['\uFEFF{"a":1}', '\uFEFF{"a":1, "s": {"c":{"u":"x"}}}'],
  ['{"s":{ // empty\n}}', '{"s":{\n  "c": {\n    "u": "x"\n  } // empty\n}}'],
])('insertJsonMember() into %j', (text, expected) => {
  const made = insertJsonMember(text, 's', MEMBER) ?? '';
  expect(made).toBe(expected);
  expect(parse(made.replace(/^\uFEFF/, '')).s.c).toEqual({ u: 'x' });
  expect(Object(jsonValue(made)).s.c.u).toBe('x');
});

test.each(['[]', '{"s":1}', '{"s":{"c":1}}'])('insertJsonMember() has no place in %s', (text) => {
  expect(insertJsonMember(text, 's', MEMBER)).toBeUndefined();
});
