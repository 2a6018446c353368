// Select and find: the units that are on in a range, and the places like it.

import { figure } from "../figure";
import { useAnswer } from "../answer";
import { go, pass, passNumber, range, searched, look, start, end } from "../state";
import { Answered, StepLink, UnitLink } from "./shared";

interface Found {
  units: { unit: number; sign: number; contrast: number }[];
  places: { start: number; end: number; share: number; score: number }[];
  from: number;
  to: number;
}

export function FindPanel() {
  return (
    <>
      <h2>Select and find</h2>
      <p>
        Which units are far above or below their mean at every step of a range, and where else are they? Hold shift and drag over
        a picture, or press m at the first and m at the last step.
      </p>
      <p>
        <label>
          Signal{" "}
          <select value={searched.value} onChange={(event) => (searched.value = event.currentTarget.value)}>
            {pass.value.signals.map(({ name }) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>{" "}
        {range.value && <button onClick={() => (range.value = null)}>Forget the range</button>}
      </p>
      {range.value && <Places from={range.value[0]} to={range.value[1]} />}
    </>
  );
}

function Places({ from, to }: { from: number; to: number }) {
  const known = pass.value.signals.some(({ name }) => name === searched.value);
  const query = { pass: passNumber.value, signal: known ? searched.value : "h", start: from, end: to };
  const answer = useAnswer<Found>("search", query);
  return (
    <Answered answer={answer}>
      {({ units, places, from: low, to: high }) => (
        <>
          <h3>
            {units.length} units in steps {from} to {to - 1}
          </h3>
          <p>
            {units.map(({ unit, sign }) => (
              <span key={unit} title={sign > 0 ? "above its mean" : "below its mean"}>
                {sign > 0 ? "↑" : "↓"}
                <UnitLink unit={unit} />{" "}
              </span>
            ))}
          </p>
          <h3>Places like it</h3>
          {places.length === 0 && <p>There is none among steps {low} to {high - 1}.</p>}
          {places.length > 0 && (
            <table>
              <thead>
                <tr>
                  <th>step</th>
                  <th class="number">units alike</th>
                  <th class="number">above chance</th>
                </tr>
              </thead>
              <tbody>
                {places.map((place) => (
                  <tr key={place.start} onClick={() => show(place.start, place.end)}>
                    <td>
                      <StepLink step={place.start} />
                    </td>
                    <td class="number">{figure(100 * place.share)} %</td>
                    <td class="number">{figure(place.score)} σ</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        </>
      )}
    </Answered>
  );
}

/** Show a place in the middle of the view. */
function show(from: number, to: number): void {
  const wide = end.value - start.value;
  look((from + to - wide) / 2, (from + to + wide) / 2);
  go(from);
}
