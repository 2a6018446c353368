// How far gradients reach back in time.

import { useMemo } from "preact/hooks";
import { useAnswer } from "../answer";
import { Plot } from "../plot";
import { pass, passNumber } from "../state";
import { Answered } from "./shared";

export interface Flow {
  h: number[];
  memory: number[];
  direct: number[];
  count: number[];
  horizon: number | null;
  verdict: "vanishing" | "healthy" | "exploding";
}

const MEANINGS = {
  vanishing: "What happened earlier cannot be learned from. A larger bias of the forget gate, or chrono initialisation, helps.",
  healthy: "What happened that long ago can be learned from.",
  exploding: "Steps of learning become too long. Clip the gradients, or lower the learning rate.",
};

export function GradientsPanel() {
  const answer = useAnswer<{ here: Flow; plain: Flow }>("gradients", { pass: passNumber.value });
  return (
    <>
      <h2>Gradients through time</h2>
      <p>
        How long a gradient of h is after so many steps back: of h, of {pass.value.memory}, and over {pass.value.memory} alone,
        which is the product of the forget gates. Beside it a plain recurrent network of the same size with PyTorch's start, that has
        learned nothing: this is why the LSTM exists.
      </p>
      <Answered answer={answer}>
        {({ here, plain }) => (
          <>
            <p class={`verdict ${here.verdict}`}>
              <strong>{here.verdict}</strong>:{" "}
              {here.horizon === null
                ? `more than 1 % is left after ${here.h.length - 1} steps, as far as was looked.`
                : `after ${here.horizon} steps less than 1 % is left.`}{" "}
              {MEANINGS[here.verdict]}
            </p>
            <Curves here={here} plain={plain} />
            <p class="faint">
              The plain network: {plain.verdict}
              {plain.horizon !== null && `, with less than 1 % left after ${plain.horizon} steps`}. Means over {here.count[0]} ends.
            </p>
          </>
        )}
      </Answered>
    </>
  );
}

export function Curves({ here, plain }: { here: Flow; plain: Flow }) {
  const [at, lines] = useMemo(() => {
    const most = Math.max(here.h.length, plain.h.length);
    const share = (values: number[]) => {
      const first = values.find((each) => each > 0) ?? 1;
      return Array.from({ length: most }, (_, lag) => (lag < values.length ? values[lag] / first : "NaN"));
    };
    return [
      Array.from({ length: most }, (_, lag) => lag),
      [
        { name: "h", values: share(here.h), colour: "first" },
        { name: pass.value.memory, values: share(here.memory), colour: "second" },
        { name: "direct", values: share(here.direct), colour: "third" },
        { name: "plain RNN", values: share(plain.h), colour: "faint" },
      ],
    ] as const;
  }, [here, plain]);
  return <Plot summary="Lengths of gradients by lag" along="steps back" at={[...at]} lines={[...lines]} logarithmic />;
}
