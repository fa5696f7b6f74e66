import type { JSX } from 'preact';
import { routeHash } from '../model/route.ts';
import type { Tool } from '../model/tools.ts';
import { Foreign, LongText } from '../parts/foreign.tsx';
import { JsonView } from '../parts/json-view.tsx';
import { Tabs } from '../parts/tabs.tsx';
import { CallResult } from './call-result.tsx';
import { FormProblems, SchemaForm } from './schema-form.tsx';
import { ARGUMENT_TABS, useArguments, type ToolArguments } from './use-arguments.ts';
import { useCall } from './use-call.ts';

/** One tool: what it is, its form, and what a call of it answered. */
export function ToolDetail({ tool }: { readonly tool: Tool }): JSX.Element {
  const args = useArguments(tool);
  const { call, start, stop } = useCall(tool);
  const send = (event: Event): void => {
    event.preventDefault();
    const value = args.take();
    if (value !== undefined) start(value);
  };
  const cannotCall = call.kind === 'running' || args.tab === 'Definition';
  return (
    <article class="tool" aria-labelledby="tool-title">
      <ToolHead tool={tool} />
      <form onSubmit={send} noValidate>
        <Tabs label="Arguments" names={ARGUMENT_TABS} chosen={args.tab} onChoose={args.choose}>
          <ArgumentsPanel tool={tool} args={args} />
        </Tabs>
        <FormProblems problems={args.problems} />
        <div class="actions">
          <button type="submit" class="main" disabled={cannotCall}>
            Call
          </button>
          <button type="button" disabled={call.kind !== 'running'} onClick={stop}>
            Stop
          </button>
        </div>
      </form>
      <CallResult call={call} onAnswer={start} />
    </article>
  );
}

interface ArgumentsPanelProps {
  readonly tool: Tool;
  readonly args: ToolArguments;
}

function ArgumentsPanel({ tool, args }: ArgumentsPanelProps): JSX.Element {
  switch (args.tab) {
    case 'Form':
      return (
        <SchemaForm
          field={args.field}
          draft={args.draft}
          problems={args.problems}
          onChange={args.setDraft}
        />
      );
    case 'JSON':
      return (
        <textarea
          class="code"
          aria-label="Arguments as JSON"
          rows={12}
          spellcheck={false}
          value={args.text}
          onInput={(event) => {
            args.setText(event.currentTarget.value);
          }}
        />
      );
    case 'Definition':
      return <JsonView value={tool.listed} what="the definition" />;
  }
}

function ToolHead({ tool }: { readonly tool: Tool }): JSX.Element {
  return (
    <header>
      <p class="back">
        <a href={routeHash('tools')}>All tools</a>
      </p>
      <h2 id="tool-title">
        <Foreign text={tool.name} />
      </h2>
      <p class="chips">
        {tool.title !== undefined && (
          <span>
            <Foreign text={tool.title} />
          </span>
        )}
        {tool.connector !== '' && (
          <a href={routeHash('connectors', tool.connector)}>{tool.connector}</a>
        )}
        {tool.hints.map((hint) => (
          <span class="chip" key={hint} title="What its server says; a hint, no promise">
            {hint}
          </span>
        ))}
      </p>
      {tool.description === '' ? (
        <p class="muted">Its server gives no description.</p>
      ) : (
        <LongText text={tool.description} max={600} what="the description" />
      )}
    </header>
  );
}
