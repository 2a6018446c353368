// Attribution: which steps of the input an output depends on.

import { figure } from "../figure";
import { useMemo } from "preact/hooks";
import { useAnswer } from "../answer";
import { Plot } from "../plot";
import { Figure } from "../source";
import { METHODS, Method, about, explained, go, step } from "../state";
import { visible } from "../tracks";
import { Answered, StepLink } from "./shared";

interface Attribution {
  start: number;
  values: number[];
  score: number;
  baseline: number;
  error: Figure;
}

const ROWS = 10;

export function WhyPanel() {
  const { output, method } = explained.value;
  const { scores, outputs } = about.value!;
  const most = outputs - 1;
  const choose = (chosen: number) => (explained.value = { output: Math.min(Math.max(chosen, 0), most), method });
  return (
    <>
      <h2>
        Why {scores.length ? `the score of ${visible(scores[output])}` : `output ${output}`} is so at step {step.value}
      </h2>
      <p>
        {scores.length ? (
          <label>
            Score of{" "}
            <select value={output} onChange={(event) => choose(Number(event.currentTarget.value))}>
              {scores.map((name, n) => (
                <option key={n} value={n}>
                  {visible(name)}
                </option>
              ))}
            </select>
          </label>
        ) : (
          <label>
            Output of the last layer{" "}
            <input type="number" min={0} max={most} value={output} onChange={(event) => choose(Number(event.currentTarget.value))} />
          </label>
        )}
      </p>
      <p>
        <select
          aria-label="Method"
          value={method}
          onChange={(event) => (explained.value = { output, method: event.currentTarget.value as Method })}
        >
          {Object.keys(METHODS).map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>{" "}
        <span class="faint">{METHODS[method]}</span>
      </p>
      <Found />
    </>
  );
}

/** By itself, so that an answer that comes does not undo what is being typed. */
function Found() {
  const { output, method } = explained.value;
  const answer = useAnswer<Attribution>("why", { step: step.value, unit: output, method });
  return <Answered answer={answer}>{(found) => <Values {...found} />}</Answered>;
}

function Values({ start, values, score, baseline, error }: Attribution) {
  const [at, lines] = useMemo(
    () => [values.map((_, n) => start + n), [{ name: "moved by", values, colour: "first", bars: true }]],
    [values],
  );
  const order = values.map((_, n) => n).sort((one, other) => Math.abs(values[other]) - Math.abs(values[one]));
  return (
    <>
      <p>
        It is {figure(score)}, and {figure(baseline)} for the mean input.{" "}
        {error !== "NaN" && `The values sum up to the difference but for ${figure(100 * Number(error), 2)} %.`}
      </p>
      <Plot summary="What each step has moved" along="step of the input" at={at} lines={lines} chosen={(n) => go(start + n)} />
      <table>
        <tbody>
          {order.slice(0, ROWS).map((n) => (
            <tr key={n}>
              <td>
                <StepLink step={start + n} />
              </td>
              <td class="number">{figure(values[n])}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
