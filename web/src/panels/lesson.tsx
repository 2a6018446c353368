// The lesson: one unit through one step, equation by equation, with its own numbers; and what if they were others.

import { useAnswer } from "../answer";
import { figure } from "../figure";
import { Figure, saved } from "../source";
import { about, chapter, leaves as moved, pass, passNumber, place, slid, step, unit } from "../state";
import { said, visible } from "../tracks";
import { Curves, Flow } from "./gradients";
import { Answered } from "./shared";

interface Calculation {
  leaves: Record<string, number>;
  signals: Record<string, Figure>;
  lines: Record<string, string>;
}

const TEXTS: Record<string, [string, string]> = {
  i: ["Input gate", "How much of the candidate is written: 0 is nothing, 1 is all of it. It looks at what comes in and at what the layer said last."],
  f: ["Forget gate", "How much of the old memory is kept: 1 keeps all, 0 wipes it. When something new begins, it closes, and the memory starts afresh."],
  g: ["Candidate", "What could be written, between -1 and 1: the sign is the direction in which the memory moves."],
  o: ["Output gate", "How much of the memory is shown. A unit can remember something for long without saying so."],
  c: ["Cell state", "The long-term memory: what is kept of the old one, and what is written. It is a sum, not a product of matrices, so that gradients reach far back: they only shrink by the forget gate."],
  h: ["Hidden state", "What the unit says: the memory, squashed and gated. The next layer reads it, and all gates of this layer at the next step."],
};

export function LessonPanel() {
  const { signals, name } = pass.value;
  const chapters = signals.length + 2;
  const here = Math.min(chapter.value, chapters - 1);
  return (
    <>
      <h2>
        One step of unit {unit.value}, {here + 1} of {chapters}
      </h2>
      <p>
        <button disabled={here === 0} onClick={() => (chapter.value = here - 1)}>
          Back
        </button>{" "}
        <button disabled={here === chapters - 1} onClick={() => (chapter.value = here + 1)}>
          Next
        </button>{" "}
        {Object.keys(moved.value).length > 0 && <button onClick={() => slide({})}>As it was</button>}
      </p>
      {here === 0 && <Sizes key={name} />}
      {here > 0 && here <= signals.length && <Signal name={signals[here - 1].name} />}
      {here === chapters - 1 && <Why />}
    </>
  );
}

function slide(leaves: Record<string, number>): void {
  slid.value = { place: place.value, leaves };
}

/** What comes in, and what is learned. */
function Sizes() {
  const { gates, units, inputs, equations } = pass.value;
  const tracks = about.value!.tracks.filter((each) => each.kind !== "frames");
  return (
    <>
      <h3>What comes in</h3>
      <p>
        At step {step.value} the layer reads {inputs} numbers x
        {tracks.length > 0 && ` (${tracks[0].name}: ${visible(said(about.value!.tracks.indexOf(tracks[0]), step.value))})`} and the{" "}
        {units} numbers h that it said itself one step before. Each gate weighs both: W x + b + R h + b'.
      </p>
      <table>
        <thead>
          <tr>
            <th>weights</th>
            <th>shape</th>
            <th class="number">numbers</th>
          </tr>
        </thead>
        <tbody>
          {gates.map((gate) => (
            <tr key={gate}>
              <td>
                W_{gate}, R_{gate}, b_{gate}, b'_{gate}
              </td>
              <td>
                [{units}, {inputs}], [{units}, {units}], [{units}], [{units}]
              </td>
              <td class="number">{(units * (inputs + units + 2)).toLocaleString("en")}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p>The equations, for every unit alike:</p>
      <pre>{equations.join("\n")}</pre>
    </>
  );
}

/** One signal: its equation, its numbers, and sliders for what it starts from. */
function Signal({ name }: { name: string }) {
  const query = { pass: passNumber.value, step: step.value, unit: unit.value, ...moved.value };
  const answer = useAnswer<Calculation>("lesson", query, true);
  const place = pass.value.signals.findIndex((each) => each.name === name);
  const [title, text] = TEXTS[name] ?? [name, pass.value.summary];
  const equation = pass.value.equations[place];
  return (
    <>
      <h3>{title}</h3>
      <p>{text}</p>
      <p class="faint">{equation}</p>
      <Answered answer={answer}>
        {({ leaves, signals, lines }) => (
          <>
            <pre class="calculation">{lines[name]}</pre>
            <Gauge name={name} value={Number(signals[name])} />
            <h4>What if</h4>
            {Object.keys(leaves)
              .filter((leaf) => starts(leaf, name, equation))
              .map((leaf) => (
                <label class="slider" key={leaf}>
                  <span>{leaf}</span>
                  <input
                    type="range"
                    min={-Math.max(8, Math.abs(leaves[leaf]))}
                    max={Math.max(8, Math.abs(leaves[leaf]))}
                    step={0.01}
                    value={moved.value[leaf] ?? leaves[leaf]}
                    disabled={saved}
                    aria-label={leaf}
                    onInput={(event) => slide({ ...moved.value, [leaf]: Number(event.currentTarget.value) })}
                  />
                  <span class="number">{figure(leaves[leaf])}</span>
                </label>
              ))}
            <p class="faint">
              Then {Object.entries(signals).map(([each, value]) => `${each} = ${figure(value)}`).join(", ")}.
            </p>
          </>
        )}
      </Answered>
    </>
  );
}

/** Whether an equation has a leaf in it. */
function starts(leaf: string, signal: string, equation: string): boolean {
  const [kind, of] = leaf.split(" ");
  if (kind === "previous") return equation.includes(`${of}_t-1`) && !(of === "h" && equation.includes("R_"));
  return kind !== "vector" && (of === signal || equation.includes(`W_${of} `));
}

/** A value between its ends. */
function Gauge({ name, value }: { name: string; value: number }) {
  const gate = pass.value.signals.find((each) => each.name === name)?.function === "sigmoid";
  const share = gate ? value : (Math.tanh(value) + 1) / 2;
  return (
    <p class="gauge" role="img" aria-label={`${name} is ${figure(value)}`}>
      <span>{gate ? "closed" : "-"}</span>
      <meter min={0} max={1} value={share} class="above" />
      <span>{gate ? "open" : "+"}</span>
    </p>
  );
}

/** Why there are gates: gradients through time, here and in a plain network. */
function Why() {
  const answer = useAnswer<{ here: Flow; plain: Flow }>("gradients", { pass: passNumber.value });
  return (
    <>
      <h3>Why there are gates</h3>
      <p>
        To learn from something long ago, a gradient must come back to it. In a plain recurrent network it goes through a matrix and a
        tanh at every step, and vanishes. Along the cell state it is only multiplied by the forget gate: where that is open, it stays.
      </p>
      <Answered answer={answer}>{({ here, plain }) => <Curves here={here} plain={plain} />}</Answered>
    </>
  );
}
