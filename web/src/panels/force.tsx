// Interventions: what would be otherwise if a signal had another value.

import { figure } from "../figure";
import { useMemo } from "preact/hooks";
import { useAnswer } from "../answer";
import { Plot } from "../plot";
import { Figure } from "../source";
import { end as seenTo, forced, go, pass, passNumber, range, start as seenFrom, step, unit } from "../state";
import { visible } from "../tracks";
import { Answered, StepLink } from "./shared";

interface Changes {
  start: number;
  change: number[];
  size: number[];
  /** Of the step that changes most. */
  scores: { name: string; was: number; is: number }[];
  before: Figure[];
  after: Figure[];
}

export function ForcePanel() {
  const { signals, memory } = pass.value;
  const { value } = forced.value;
  const name = signals.some((each) => each.name === forced.value.name) ? forced.value.name : memory;
  const [from, to] = range.value ?? [step.value, step.value + 1];
  return (
    <>
      <h2>Force a value</h2>
      <p>
        Close a gate, wipe a memory, mute a unit, and see what follows. It holds for{" "}
        {range.value ? `steps ${from} to ${to - 1}, the range` : `step ${from} alone; choose a range for more`}. Forcing what was
        anyway changes nothing.
      </p>
      <p>
        <label>
          <select value={name} onChange={(event) => (forced.value = { name: event.currentTarget.value, value })}>
            {signals.map((each) => (
              <option key={each.name}>{each.name}</option>
            ))}
          </select>{" "}
          of unit {unit.value} is{" "}
        </label>
        <input
          type="number"
          step="0.1"
          aria-label="Value"
          value={value}
          onChange={(event) => (forced.value = { name, value: event.currentTarget.value })}
        />
      </p>
      <Result signal={name} value={value} from={from} to={to} />
    </>
  );
}

function Result({ signal, value, from, to }: { signal: string; value: string; from: number; to: number }) {
  const query = { pass: passNumber.value, signal, start: from, end: to, unit: unit.value, value };
  const answer = useAnswer<Changes>("changes", query);
  return <Answered answer={answer}>{(found) => <Effects {...found} />}</Answered>;
}

/** Which of some steps are those that the pictures show; all, if they show none of them. */
function seen(first: number, count: number): [number, number] {
  const low = Math.max(Math.floor(seenFrom.value) - first, 0);
  const high = Math.min(Math.ceil(seenTo.value) - first, count);
  return low < high ? [low, high] : [0, count];
}

function Effects({ start, change, size, scores, before, after }: Changes) {
  const [low, high] = seen(start, change.length);
  const [at, lines, own] = useMemo(
    () => [
      change.slice(low, high).map((_, n) => start + low + n),
      [{ name: "change in %", values: change.map((each, n) => (100 * each) / (size[n] || 1)).slice(low, high), colour: "second" }],
      [
        { name: "was", values: before.slice(low, high), colour: "faint" },
        { name: "is", values: after.slice(low, high), colour: "first" },
      ],
    ],
    [change, low, high],
  );
  const most = change.indexOf(Math.max(...change));
  const much = change.filter((each, n) => each > 0.01 * size[n]).length;
  return (
    <>
      <p role="status">
        {change[most] === 0
          ? "Nothing changes."
          : `What the ${scores.length ? "model" : "last layer"} says changes by up to ${figure((100 * change[most]) / (size[most] || 1))} %`}
        {change[most] > 0 && (
          <>
            {" "}
            at <StepLink step={start + most} />, and by more than 1 % at {much} steps.
          </>
        )}
      </p>
      <Plot summary="Change of the outputs, of their length" along="step" at={at} lines={lines} height={150} chosen={(n) => go(at[n])} />
      {change[most] > 0 && scores.length > 0 && (
        <table>
          <thead>
            <tr>
              <th>score at step {start + most}</th>
              <th class="number">was</th>
              <th class="number">is</th>
            </tr>
          </thead>
          <tbody>
            {scores.map(({ name, was, is }, n) => (
              <tr key={n}>
                <td>{visible(name)}</td>
                <td class="number">{figure(was)}</td>
                <td class="number">{figure(is)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <h3>
        {pass.value.memory} of unit {unit.value}
      </h3>
      <Plot summary="The memory before and after" along="step" at={at} lines={own} height={150} chosen={(n) => go(at[n])} />
    </>
  );
}
