import { expect, test } from 'vitest';
import { taskIdIn, taskPlaceOf, withSharedIds } from '../../src/gateway/call/tasks.ts';

const RELATED = '"io.modelcontextprotocol/related-task"';
const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
const declared = [
  { key: CAPABILITIES, text: '{"extensions":{"io.modelcontextprotocol/tasks":{}}}' },
];

test.for([
  ['legacy', 'tools/call', { task: {} }, [], 'task'],
  ['legacy', 'tools/call', {}, [], undefined],
  ['legacy', 'tasks/get', {}, [], 'taskId'],
  ['legacy', 'tasks/result', {}, [], 'nowhere'],
  ['legacy', 'prompts/get', { task: {} }, [], undefined],
  ['modern', 'tools/call', {}, declared, 'taskId'],
  ['modern', 'tools/call', { task: {} }, [], undefined],
  ['modern', 'tasks/cancel', {}, [], 'taskId'],
] as const)('taskPlaceOf() of a %s %s with %j', ([era, method, value, meta, place]) => {
  expect(taskPlaceOf(era, method, { value, meta })).toBe(place);
});

test('withSharedIds() changes ids of tasks and nothing else', () => {
  const made = '{"id":1,"result":{"task":{"n":1.0,"taskId":"a"},"taskId":"tool’s own"}}';
  expect(withSharedIds(made, 'c', 'task')).toBe(made.replace('"a"', '"c:a"'));
  expect(taskIdIn(made, 'task')).toBe('a');
  const got = `{"result":{"_meta":{${RELATED}:{"taskId":"a"}},"taskId":"b"}}`;
  const gotShared = `{"result":{"_meta":{${RELATED}:{"taskId":"c:a"}},"taskId":"c:b"}}`;
  expect(withSharedIds(got, 'c', 'taskId')).toBe(gotShared);
  const payload = `{"result":{"taskId":"b","_meta":{${RELATED}:{"taskId":"a"}}}}`;
  expect(withSharedIds(payload, 'c', 'nowhere')).toBe(payload.replace('"a"', '"c:a"'));
  const question = `{"id":1,"method":"m","params":{"_meta":{${RELATED}:{"taskId":"a"}}}}`;
  expect(withSharedIds(question, 'c', 'nowhere')).toBe(question.replace('"a"', '"c:a"'));
});

test('withSharedIds() leaves alone what is no id', () => {
  for (const text of [
    '{"id":1,"result":{"task":5,"taskId":6}}',
    `{"id":1,"result":{"_meta":{${RELATED}:{"taskId":7}}}}`,
    '{"id":1,"error":{"code":1,"message":"taskId"}}',
    '{"id":1,"result":5}',
  ]) {
    for (const place of ['task', 'taskId', 'nowhere'] as const) {
      expect(withSharedIds(text, 'c', place)).toBe(text);
      expect(taskIdIn(text, place)).toBeUndefined();
    }
  }
});
