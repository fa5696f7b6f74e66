import { expect, test } from 'vitest';
import { TaskOwners, type TaskClient } from '../../src/gateway/call/task-owners.ts';

const session = (sessionId: string): TaskClient => ({ principalId: undefined, sessionId });
const principal = (principalId: string, sessionId?: string): TaskClient => ({
  principalId,
  sessionId,
});
const task = (taskId: string, shared = true) => ({ connectorId: 'c', taskId, shared });

test('TaskOwners knows a task as its session’s, where nobody says who he is', () => {
  const owners = new TaskOwners();
  owners.note(task('1'), session('a'));
  expect(owners.judge('c', '1', session('a'))).toBe('own');
  expect(owners.judge('c', '1', session('b'))).toBe('foreign');
  expect(owners.judge('c', '1', principal('p', 'a'))).toBe('foreign');
  expect(owners.judge('d', '1', session('a'))).toBe('unknown');
});

test('TaskOwners knows a task as its principal’s in every session, and to no other', () => {
  const owners = new TaskOwners();
  owners.note(task('1'), principal('p', 'a'));
  owners.note(task('2'), principal('p'));
  expect(owners.judge('c', '1', principal('p', 'b'))).toBe('own');
  expect(owners.judge('c', '2', principal('p', 'b'))).toBe('own');
  expect(owners.judge('c', '1', principal('q', 'a'))).toBe('foreign');
  expect(owners.judge('c', '1', session('a'))).toBe('foreign');
  owners.forgetSession('a');
  expect(owners.judge('c', '1', principal('p'))).toBe('own');
});

test('TaskOwners lists what a client made, at the endpoint where it asks', () => {
  const owners = new TaskOwners();
  owners.note(task('1'), session('a'));
  owners.note(task('2', false), session('a'));
  owners.note(task('3'), session('b'));
  const ids = (connectorId: string | undefined): string[] =>
    owners.of(session('a'), connectorId).map(({ taskId }) => taskId);
  expect(ids(undefined)).toEqual(['1']);
  expect(ids('c')).toEqual(['1', '2']);
  expect(ids('d')).toEqual([]);
  owners.forgetSession('a');
  expect([owners.size, owners.find('c', '3')?.sessionId]).toEqual([1, 'b']);
});

test('an id that a server gives again is the task of whoever got it last', () => {
  const owners = new TaskOwners();
  owners.note(task('1'), session('a'));
  owners.note(task('1'), session('b'));
  expect(owners.judge('c', '1', session('a'))).toBe('foreign');
  expect(owners.judge('c', '1', session('b'))).toBe('own');
});

test('TaskOwners is bounded: the oldest give way, and long ids are not noted', () => {
  const owners = new TaskOwners({ maxTasks: 2, maxIdLength: 4 });
  for (const id of ['1', '2', 'too long', '3']) owners.note(task(id), session('a'));
  const known = owners.of(session('a'), 'c').map(({ taskId }) => taskId);
  expect(known).toEqual(['2', '3']);
  owners.forget('c', '2');
  expect(owners.size).toBe(1);
});
