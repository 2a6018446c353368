// Attribution: which steps of the input an output depends on.

import { figure } from "../figure";
import { useMemo, useState } from "preact/hooks";
import { useAnswer } from "../answer";
import { Plot } from "../plot";
import { Figure } from "../source";
import { about, go, step } from "../state";
import { Answered, StepLink } from "./shared";

interface Attribution {
  start: number;
  values: number[];
  score: number;
  baseline: number;
  error: Figure;
}

const METHODS = {
  integrated: "gradients along the way from the mean input to this one; they sum up to the change of the output",
  gradient: "the gradient here, times the input",
  occlusion: "how much the output falls if a step is the mean input instead",
};
const ROWS = 10;

export function WhyPanel() {
  const [unit, choose] = useState(0);
  const [method, take] = useState<keyof typeof METHODS>("integrated");
  const answer = useAnswer<Attribution>("why", { step: step.value, unit, method });
  return (
    <>
      <h2>Why output {unit} is so at step {step.value}</h2>
      <p>
        <label>
          Output of the last layer{" "}
          <input
            type="number"
            min={0}
            max={about.value!.outputs - 1}
            value={unit}
            onChange={(event) => choose(Math.min(Math.max(Number(event.currentTarget.value), 0), about.value!.outputs - 1))}
          />
        </label>
      </p>
      <p>
        <select aria-label="Method" value={method} onChange={(event) => take(event.currentTarget.value as keyof typeof METHODS)}>
          {Object.keys(METHODS).map((each) => (
            <option key={each}>{each}</option>
          ))}
        </select>{" "}
        <span class="faint">{METHODS[method]}</span>
      </p>
      <Answered answer={answer}>{(found) => <Values {...found} />}</Answered>
    </>
  );
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
        The output is {figure(score)}, and {figure(baseline)} for the mean input.{" "}
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
