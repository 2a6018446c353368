// Whether units work: saturation, and what was found.

import { useState } from "preact/hooks";
import { useAnswer } from "../answer";
import { go, passNumber, step, unit } from "../state";
import { Answered, UnitLink } from "./shared";

interface Health {
  saturation: Record<string, [number[], number[]]>;
  findings: { kind: string; units: number[]; text: string }[];
}

const SIZE = 220;
const SHOWN = 24;

export function HealthPanel() {
  const answer = useAnswer<Health>("health", { pass: passNumber.value });
  return (
    <>
      <h2>Saturation and health</h2>
      <Answered answer={answer}>
        {({ saturation, findings }) => (
          <>
            <Triangle saturation={saturation} />
            <h3>Findings</h3>
            {findings.length === 0 && <p>Every unit writes, forgets and shows something on these data.</p>}
            {findings.map(({ kind, units, text }, number) => (
              <section class="finding" key={number}>
                <h4>
                  {kind}: {units.length} {units.length === 1 ? "unit" : "units"}
                </h4>
                <p>{text}</p>
                <p>
                  {units.slice(0, SHOWN).map((each) => (
                    <UnitLink key={each} unit={each} />
                  ))}
                  {units.length > SHOWN && ` and ${units.length - SHOWN} more`}
                </p>
              </section>
            ))}
          </>
        )}
      </Answered>
    </>
  );
}

/** Each unit by how often a gate is near its lower and its upper end: Karpathy, Johnson and Fei-Fei (2015). */
function Triangle({ saturation }: Pick<Health, "saturation">) {
  const gates = Object.keys(saturation);
  const [chosen, choose] = useState(gates.includes("f") ? "f" : gates[0]);
  if (!gates.length) return <p>This cell has no gates.</p>;
  const gate = gates.includes(chosen) ? chosen : gates[0];
  const [low, high] = saturation[gate];
  const ends = low.length ? [low, high].map((each) => Math.round((100 * each.reduce((sum, one) => sum + one, 0)) / each.length)) : [0, 0];
  return (
    <>
      <p>
        {gates.map((each) => (
          <button key={each} class="choice" aria-pressed={each === gate} onClick={() => choose(each)}>
            {each}
          </button>
        ))}
      </p>
      <svg viewBox={`-34 -6 ${SIZE + 44} ${SIZE + 40}`} class="triangle" role="img" aria-label={`Saturation of ${gate}`}>
        <path d={`M0 ${SIZE} L0 0 L${SIZE} ${SIZE} Z`} />
        {low.map((share, each) => (
          <circle
            key={each}
            cx={share * SIZE}
            cy={(1 - high[each]) * SIZE}
            r={each === unit.value ? 5 : 3}
            class={each === unit.value ? "here" : ""}
            onClick={() => go(step.value, each)}
          >
            <title>{`unit ${each}: low in ${percent(share)}, high in ${percent(high[each])}`}</title>
          </circle>
        ))}
        <text x={SIZE / 2} y={SIZE + 26} text-anchor="middle">
          near its lower end, share of steps
        </text>
        <text transform={`translate(-14 ${SIZE / 2}) rotate(-90)`} text-anchor="middle">
          near its upper end
        </text>
      </svg>
      <p>
        In the mean {gate} is near its lower end in {ends[0]} % of the steps, and near its upper end in {ends[1]} %. Units in the
        corner at the bottom left are neither: they work as if the network were linear.
      </p>
    </>
  );
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
