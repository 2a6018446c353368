// How long each unit remembers.

import { figure } from "../figure";
import { useMemo } from "preact/hooks";
import { useAnswer } from "../answer";
import { Plot } from "../plot";
import { Figure } from "../source";
import { go, pass, passNumber, step, unit } from "../state";
import { Answered, UnitLink } from "./shared";

interface Constants {
  bias: Figure[];
  geometric: Figure[];
  arithmetic: Figure[];
  gradient: Figure[];
  /** How far back gradients were followed. */
  reach: number;
}

interface Half {
  life: number | null;
  middle: number | null;
  censored: number;
  count: number;
}

export function MemoryPanel() {
  const answer = useAnswer<Constants>("memory", { pass: passNumber.value });
  return (
    <>
      <h2>Memory</h2>
      <p>
        After how many steps {pass.value.memory} of a unit has fallen to 1/e, if nothing new comes. The geometric one is what
        is left in the long run; the arithmetic one is never smaller; the bias tells what the unit would do without input.
        Gates are half of memory: the rest goes through h. By gradient both count: after so many steps what it held moves h by 1/e
        as much.
      </p>
      <Answered answer={answer}>{(found) => <Sorted {...found} />}</Answered>
      <HalfLife />
    </>
  );
}

function Sorted({ bias, geometric, arithmetic, gradient, reach }: Constants) {
  const order = useMemo(() => {
    const units = geometric.map((_, unit) => unit);
    return units.sort((one, other) => Number(geometric[other]) - Number(geometric[one]));
  }, [geometric]);
  const [at, lines] = useMemo(
    () => [
      order.map((_, place) => place + 1),
      [
        { name: "geometric", values: order.map((unit) => geometric[unit]), colour: "first" },
        { name: "arithmetic", values: order.map((unit) => arithmetic[unit]), colour: "second" },
        { name: "by bias", values: order.map((unit) => bias[unit]), colour: "third", points: true },
        { name: "by gradient", values: order.map((unit) => gradient[unit]), colour: "fourth", points: true },
      ],
    ],
    [order],
  );
  const endless = geometric.filter((each) => each === "Infinity").length;
  const middle = order[Math.floor(order.length / 2)];
  return (
    <>
      <Plot
        summary="Time constants of all units, the longest first"
        along="units, the longest memory first"
        at={at}
        lines={lines}
        logarithmic
        chosen={(place) => go(step.value, order[place])}
      />
      <p>
        The longest is <UnitLink unit={order[0]} /> with {figure(geometric[order[0]])} steps; half of the units remember
        longer than {figure(geometric[middle])}. {endless > 0 && `${endless} never forget. `}
      </p>
      <table>
        <tbody>
          <tr>
            <th>unit {unit.value}</th>
            <td>geometric {figure(geometric[unit.value])}</td>
            <td>arithmetic {figure(arithmetic[unit.value])}</td>
            <td>by bias {figure(bias[unit.value])}</td>
            <td>by gradient {gradient[unit.value] === "Infinity" ? `more than ${reach}` : figure(gradient[unit.value])}</td>
          </tr>
        </tbody>
      </table>
    </>
  );
}

function HalfLife() {
  const answer = useAnswer<Half>("half", { pass: passNumber.value, step: step.value, unit: unit.value });
  return (
    <Answered answer={answer}>
      {({ life, middle, censored, count }) => (
        <p>
          {life === null
            ? `What unit ${unit.value} holds now is not half gone when its sequence ends.`
            : `Half of what unit ${unit.value} holds now is gone after ${life} steps.`}{" "}
          In this sequence that takes {middle === null ? "longer than it lasts" : `${middle} steps in the middle`}; {censored} of {count}{" "}
          steps are censored by its end.
        </p>
      )}
    </Answered>
  );
}
