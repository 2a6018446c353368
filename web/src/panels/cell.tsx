// The cell card: what one unit calculates at one step.

import { figure } from "../figure";
import { useAnswer } from "../answer";
import { Figure } from "../source";
import { about, pass, passNumber, step, unit } from "../state";
import { said, visible } from "../tracks";
import { Answered, UnitLink } from "./shared";

interface Term {
  source: string;
  value: number;
}

interface Card {
  before: Record<string, Figure>;
  signals: Record<string, Figure>;
  inner: Record<string, Figure>;
  terms: Record<string, { terms: Term[]; others: number; rest: number }>;
  calculation: string[];
}

export function CellPanel() {
  const answer = useAnswer<Card>("cell", { pass: passNumber.value, step: step.value, unit: unit.value });
  return (
    <>
      <h2>
        Unit {unit.value} at step {step.value}
      </h2>
      <dl>
        {about.value!.tracks.map((track, number) =>
          track.kind === "frames" ? null : (
            <>
              <dt>{track.name}</dt>
              <dd>{visible(said(number, step.value))}</dd>
            </>
          ),
        )}
      </dl>
      <Answered answer={answer}>
        {(card) => (
          <>
            <pre class="calculation">{card.calculation.join("\n")}</pre>
            <p class="faint">
              Before the step: {Object.entries(card.before).map(([name, value]) => `${name} = ${figure(value, 4)}`).join(", ")}
            </p>
            {pass.value.gates.map((gate) => (
              <Split key={gate} gate={gate} z={card.inner[gate]} {...card.terms[gate]} />
            ))}
          </>
        )}
      </Answered>
    </>
  );
}

/** What moved a gate: the largest parts of z first. */
function Split({ gate, z, terms, others, rest }: { gate: string; z: Figure; terms: Term[]; others: number; rest: number }) {
  const parts = others ? [...terms, { source: `${others} others`, value: rest }] : terms;
  const largest = Math.max(...parts.map((each) => Math.abs(each.value)), 1e-9);
  return (
    <details>
      <summary>
        z of {gate} = {figure(z, 4)}
      </summary>
      <table class="terms">
        <tbody>
          {parts.map(({ source, value }) => (
            <tr key={source}>
              <td>{source.startsWith("unit ") ? <UnitLink unit={Number(source.slice(5))} /> : source}</td>
              <td class="number">{figure(value)}</td>
              <td>
                <meter class={value < 0 ? "below" : "above"} value={Math.abs(value) / largest} aria-hidden="true" />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
