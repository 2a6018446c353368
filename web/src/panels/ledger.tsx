// The ledger: who wrote what is now in a memory.

import { figure } from "../figure";
import { useMemo } from "preact/hooks";
import { useAnswer } from "../answer";
import { Plot } from "../plot";
import { Figure } from "../source";
import { go, pass, passNumber, step, unit } from "../state";
import { Answered, StepLink } from "./shared";

interface Ledger {
  total: Figure;
  memory: Figure;
  carried: Figure;
  count: number;
  others: Figure;
  steps: number[];
  written: Figure[];
  left: Figure[];
  read: Figure[];
  entries: Figure[];
}

const ROWS = 10;

export function LedgerPanel() {
  const answer = useAnswer<Ledger>("ledger", { pass: passNumber.value, step: step.value, unit: unit.value });
  const name = pass.value.memory;
  return (
    <>
      <h2>
        Who wrote what unit {unit.value} holds at step {step.value}
      </h2>
      <Answered answer={answer}>
        {(found) => (
          <>
            <p>
              {name} = {figure(found.memory, 5)} is the sum of {found.count} {found.count === 1 ? "write" : "writes"}, each times what is left of it
              {Number(found.carried) !== 0 && `, and ${figure(found.carried)} from before`}.
            </p>
            <Entries {...found} />
            <Largest {...found} />
          </>
        )}
      </Answered>
    </>
  );
}

function Entries({ steps, entries, read }: Ledger) {
  const lines = useMemo(
    () => [
      { name: "left now", values: entries, colour: "first", bars: true },
      { name: "read then", values: read, colour: "second", points: true },
    ],
    [entries],
  );
  return (
    <Plot
      summary="What of each write is left"
      along="step that wrote"
      at={steps}
      lines={lines}
      chosen={(place) => go(steps[place])}
    />
  );
}

function Largest({ steps, written, left, entries, others, carried, total }: Ledger) {
  const order = steps.map((_, n) => n).sort((one, other) => Math.abs(Number(entries[other])) - Math.abs(Number(entries[one])));
  const shown = order.slice(0, ROWS);
  const rest = order.slice(ROWS).reduce((sum, n) => sum + Number(entries[n]), Number(others) + Number(carried));
  return (
    <table>
      <thead>
        <tr>
          <th>step</th>
          <th class="number">wrote</th>
          <th class="number">of which is left</th>
          <th class="number">now</th>
        </tr>
      </thead>
      <tbody>
        {shown.map((n) => (
          <tr key={steps[n]}>
            <td>
              <StepLink step={steps[n]} />
            </td>
            <td class="number">{figure(written[n])}</td>
            <td class="number">{figure(100 * Number(left[n]))} %</td>
            <td class="number">{figure(entries[n])}</td>
          </tr>
        ))}
        <tr>
          <td colSpan={3}>all others</td>
          <td class="number">{figure(rest)}</td>
        </tr>
        <tr>
          <th colSpan={3}>sum</th>
          <th class="number">{figure(total, 5)}</th>
        </tr>
      </tbody>
    </table>
  );
}
