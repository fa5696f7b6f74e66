import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Exchange } from '../live/mcp-client.ts';
import type { Tone } from '../model/connector-rows.ts';
import { formatBytes, formatMs } from '../model/format.ts';
import type { CallNews } from '../model/call-news.ts';
import { inputRequests } from '../model/input-requests.ts';
import { asText, type JsonObject } from '../model/json.ts';
import { contentParts, type ContentPart } from '../model/tools.ts';
import { LongText } from '../parts/foreign.tsx';
import { JsonView } from '../parts/json-view.tsx';
import { Mark } from '../parts/marks.tsx';
import { Tabs } from '../parts/tabs.tsx';
import { InputQuestions } from './input-questions.tsx';
import type { Call, CallControl } from './use-call.ts';

interface CallResultProps {
  readonly call: Call;
  readonly onAnswer: CallControl['start'];
}

/** What became of the last call. */
export function CallResult({ call, onAnswer }: CallResultProps): JSX.Element {
  return (
    <section class="result" aria-label="Result">
      <div role="status">
        <Verdict call={call} />
      </div>
      {(call.kind === 'running' || call.kind === 'ended') && <News news={call.news} />}
      {call.kind === 'ended' && <Ended call={call} onAnswer={onAnswer} />}
    </section>
  );
}

function verdictOf({ outcome, status }: Exchange): readonly [Tone, string] {
  switch (outcome.kind) {
    case 'result':
      if (inputRequests(outcome.result).length > 0) return ['busy', 'the server asks back'];
      return outcome.result['isError'] === true ? ['bad', 'the tool failed'] : ['good', 'answered'];
    case 'error':
      return ['bad', `error ${JSON.stringify(outcome.error['code'] ?? '')}`];
    case 'odd':
      return ['bad', `no MCP answer, status ${status}`];
  }
}

function Verdict({ call }: { readonly call: Call }): JSX.Element | null {
  switch (call.kind) {
    case 'none':
      return null;
    case 'running':
      return <Mark tone="busy" text="running" />;
    case 'stopped':
      return <Mark tone="off" text={`stopped after ${formatMs(call.afterMs)} ms`} />;
    case 'unreachable':
      return <Mark tone="bad" text={`the gateway could not be reached: ${call.why}`} />;
    case 'ended': {
      const { exchange } = call;
      const [tone, text] = verdictOf(exchange);
      return (
        <p class="verdict">
          <Mark tone={tone} text={text} />
          <span>
            <b>{formatMs(exchange.totalMs)} ms</b>
          </span>
          <span class="muted">first byte {formatMs(exchange.firstByteMs)} ms</span>
          <span class="muted">HTTP {exchange.status}</span>
          <span class="muted">{formatBytes(exchange.length)}</span>
        </p>
      );
    }
  }
}

function News({ news }: { readonly news: readonly CallNews[] }): JSX.Element | null {
  const last = news.at(-1);
  if (last === undefined) return null;
  return (
    <div class="news">
      {last.share !== undefined && (
        <progress aria-label="Progress" max={1} value={last.share}>
          {Math.round(last.share * 100)} %
        </progress>
      )}
      <LongText
        text={news.map((one) => one.text).join('\n')}
        max={800}
        what="the progress"
        isCode
      />
    </div>
  );
}

const TABS = ['Content', 'Response', 'Request'] as const;

function Ended(props: {
  readonly call: Call & { kind: 'ended' };
  readonly onAnswer: CallControl['start'];
}): JSX.Element {
  const { exchange, args } = props.call;
  const { outcome, sent } = exchange;
  const [tab, setTab] = useState<(typeof TABS)[number]>('Content');
  return (
    <>
      {outcome.kind === 'result' && inputRequests(outcome.result).length > 0 && (
        <InputQuestions
          key={String(sent.message['id'])}
          result={outcome.result}
          onAnswer={(extra) => {
            props.onAnswer(args, extra);
          }}
        />
      )}
      <Tabs label="Call" names={TABS} chosen={tab} onChoose={setTab}>
        {tab === 'Content' && <Content exchange={exchange} />}
        {tab === 'Response' && <JsonView value={exchange.received} what="the response" />}
        {tab === 'Request' && (
          <>
            <JsonView value={sent.message} what="the request" />
            <h3>Headers</h3>
            <JsonView value={sent.headers} what="the headers" />
          </>
        )}
      </Tabs>
    </>
  );
}

function Content({ exchange }: { readonly exchange: Exchange }): JSX.Element {
  const { outcome } = exchange;
  if (outcome.kind === 'odd')
    return <LongText text={outcome.text} max={2000} what="the answer" isCode />;
  if (outcome.kind === 'error') return <Failure error={outcome.error} />;
  const { result } = outcome;
  const parts = contentParts(result);
  const structured = result['structuredContent'];
  return (
    <>
      {parts.length === 0 && structured === undefined && (
        <p class="empty">
          {result['resultType'] === 'input_required'
            ? 'There is no content yet: the server waits for an answer.'
            : 'The result has no content.'}
        </p>
      )}
      {parts.map((part, index) => (
        // Content has an order and nothing else to be known by.
        <Part key={index} part={part} number={index + 1} />
      ))}
      {structured !== undefined && (
        <>
          <h3>Structured content</h3>
          <JsonView value={structured} what="the structured content" />
        </>
      )}
    </>
  );
}

function Failure({ error }: { readonly error: JsonObject }): JSX.Element {
  return (
    <div class="trouble">
      <LongText
        text={asText(error['message']) ?? 'Without a message.'}
        max={1000}
        what="the error"
      />
      {error['data'] !== undefined && <JsonView value={error['data']} what="the error's data" />}
    </div>
  );
}

function Part({
  part,
  number,
}: {
  readonly part: ContentPart;
  readonly number: number;
}): JSX.Element {
  switch (part.kind) {
    case 'text':
      return <LongText text={part.text} max={4000} what={`text ${number}`} isCode />;
    case 'image':
      return <img src={part.url} alt={`Content ${number} of the result, ${part.mimeType}`} />;
    case 'other':
      return <JsonView value={part.json} what={`content ${number}`} />;
  }
}
