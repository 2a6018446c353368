// The page: what is shown where.

import { figure } from "./figure";
import { useEffect, useRef } from "preact/hooks";
import { HeatMap } from "./heatmap";
import { KEYS } from "./keys";
import { CellPanel } from "./panels/cell";
import { FindPanel } from "./panels/find";
import { ForcePanel } from "./panels/force";
import { GradientsPanel } from "./panels/gradients";
import { HealthPanel } from "./panels/health";
import { LedgerPanel } from "./panels/ledger";
import { LessonPanel } from "./panels/lesson";
import { MemoryPanel } from "./panels/memory";
import { SharePanel } from "./panels/share";
import { WhyPanel } from "./panels/why";
import {
  TABS, about, by, dark, doubted, end, failure, go, hidden, look, pass, passNumber, start, step, tab, unit, welcome, width, zoomed,
} from "./state";
import { TrackRow } from "./tracks";

const PANELS = {
  cell: CellPanel,
  memory: MemoryPanel,
  health: HealthPanel,
  gradients: GradientsPanel,
  ledger: LedgerPanel,
  find: FindPanel,
  force: ForcePanel,
  why: WhyPanel,
  share: SharePanel,
  lesson: LessonPanel,
};
/** The column of names, and what stands around a picture. */
const GUTTER = 150;

export function App() {
  if (!about.value) return <p class="waiting">{failure.value || "Opening …"}</p>;
  if (doubted.value) return <Doubt />;
  const Panel = PANELS[tab.value];
  return (
    <>
      <Header />
      {failure.value && (
        <p class="error bar" role="alert">
          {failure.value} <button onClick={() => (failure.value = "")}>Close</button>
        </p>
      )}
      <Controls />
      <main>
        <Pictures />
        <aside>
          <nav role="tablist" aria-label="Views">
            {TABS.map((name) => (
              <button key={name} role="tab" aria-selected={tab.value === name} onClick={() => (tab.value = name)}>
                {name}
              </button>
            ))}
          </nav>
          <div class="panel" role="tabpanel" aria-label={tab.value}>
            <Panel />
          </div>
        </aside>
      </main>
      {welcome.value && <Welcome />}
    </>
  );
}

function Header() {
  const { title, right, error, tolerance, steps, starts, notes } = about.value!;
  return (
    <header>
      <h1>{title}</h1>
      <span>
        {steps.toLocaleString("en")} steps, {(starts.length - 1).toLocaleString("en")}{" "}
        {starts.length === 2 ? "sequence" : "sequences"}
      </span>
      <span class={`check ${right ? "right" : "wrong"}`} title={`up to ${tolerance} is rounding`}>
        {right ? "✓" : "✗"} self-check: signals differ from the equations by at most {figure(error, 2)}
      </span>
      {Object.entries(notes).map(([name, value]) => (
        <span key={name}>
          {name} {typeof value === "number" ? figure(value, 4) : `${value}`}
        </span>
      ))}
      <span class="space" />
      <button onClick={() => (dark.value = !dark.value)}>{dark.value ? "light" : "dark"}</button>
      <button onClick={() => (welcome.value = true)}>?</button>
    </header>
  );
}

/** In place of the page, where what it would show is not what the network does. */
function Doubt() {
  const { title, error, tolerance } = about.value!;
  return (
    <div class="waiting" role="alert">
      <h1>{title}</h1>
      <p class="check wrong">
        ✗ self-check: signals differ from the equations by up to {figure(error, 2)}; up to {figure(tolerance)} is rounding.
      </p>
      <p>
        What was captured is not what the equations give: another order of gates or a missing bias does this. The page would show numbers
        that are not those of the network.
      </p>
      <button onClick={() => (doubted.value = false)}>Show it nonetheless</button>
    </div>
  );
}

function Controls() {
  const { passes, orders, steps } = about.value!;
  return (
    <div class="controls">
      <label>
        Layer{" "}
        <select value={passNumber.value} onChange={(event) => choosePass(Number(event.currentTarget.value))}>
          {passes.map(({ name, cell, units }, number) => (
            <option key={name} value={number}>
              {name}: {cell}, {units} units
            </option>
          ))}
        </select>
      </label>
      <label>
        Units by{" "}
        <select value={by.value} onChange={(event) => (by.value = event.currentTarget.value)}>
          {orders.map((order) => (
            <option key={order}>{order}</option>
          ))}
        </select>
      </label>
      <label>
        Step{" "}
        <input type="number" min={0} max={steps - 1} value={step.value} onChange={(event) => go(Number(event.currentTarget.value))} />
      </label>
      <label>
        Unit{" "}
        <input
          type="number"
          min={0}
          max={pass.value.units - 1}
          value={unit.value}
          onChange={(event) => go(step.value, Number(event.currentTarget.value))}
        />
      </label>
      <span class="buttons">
        <button onClick={() => zoomed(0.5)}>zoom in</button>
        <button onClick={() => zoomed(2)}>zoom out</button>
        <button onClick={() => look(0, steps)}>all steps</button>
      </span>
      <span class="buttons" role="group" aria-label="Signals">
        {pass.value.signals.map(({ name }) => (
          <button key={name} class="choice" aria-pressed={!hidden.value.has(name)} onClick={() => toggle(name)}>
            {name}
          </button>
        ))}
      </span>
    </div>
  );
}

function choosePass(number: number): void {
  passNumber.value = number;
  go(step.value, pass.value.first);
}

function toggle(name: string): void {
  const found = new Set(hidden.value);
  if (!found.delete(name)) found.add(name);
  hidden.value = found;
}

function Pictures() {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const seen = new ResizeObserver(() => (width.value = Math.max(box.current!.clientWidth - GUTTER, 100)));
    seen.observe(box.current!);
    return () => seen.disconnect();
  }, []);
  const signals = pass.value.signals.filter(({ name }) => !hidden.value.has(name));
  return (
    <div class="pictures" ref={box}>
      <Overview />
      {about.value!.tracks.map((track, number) => (
        <TrackRow key={track.name} track={track} number={number} />
      ))}
      {signals.map((signal) => (
        <HeatMap key={`${passNumber.value}/${signal.name}`} signal={signal} />
      ))}
    </div>
  );
}

/** Where in the whole one is. */
function Overview() {
  const { steps } = about.value!;
  const [left, right] = [(100 * start.value) / steps, (100 * end.value) / steps];
  return (
    <div class="row">
      <div class="gutter">
        <small>
          {Math.floor(start.value)} to {Math.ceil(end.value) - 1}
        </small>
      </div>
      <div
        class="overview"
        aria-hidden="true"
        onPointerDown={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          const middle = ((event.clientX - box.left) / box.width) * steps;
          const half = (end.value - start.value) / 2;
          look(middle - half, middle + half);
        }}
      >
        <div style={{ left: `${left}%`, width: `${Math.max(right - left, 0.3)}%` }} />
        <i style={{ left: `${(100 * (step.value + 0.5)) / steps}%` }} />
      </div>
    </div>
  );
}

function Welcome() {
  const { passes } = about.value!;
  const close = useRef<HTMLButtonElement>(null);
  useEffect(() => close.current!.focus(), []);
  return (
    <div class="veil" onClick={() => (welcome.value = false)}>
      <div class="welcome" role="dialog" aria-label="What one sees" onClick={(event) => event.stopPropagation()}>
        <h2>What one sees</h2>
        <p>
          Each picture is one signal of a recurrent layer: time goes from left to right, every row is a unit, and the colour is the value.
          The cross-hair picks one step of one unit: the panel beside the pictures shows what it calculates there, what it remembers, and
          who wrote that. Drag to move, turn the wheel to zoom, hold shift and drag to choose a range and find others like it.
        </p>
        <pre>{pass.value.equations.join("\n")}</pre>
        <p class="faint">
          {pass.value.summary} {passes.length > 1 && `There are ${passes.length} layers and directions; this is ${pass.value.name}.`}
        </p>
        <div class="keys">
          {KEYS.map(({ shown, does }) => (
            <span key={shown}>
              <kbd>{shown}</kbd> {does}
            </span>
          ))}
        </div>
        <button ref={close} onClick={() => (welcome.value = false)}>
          Look inside
        </button>
      </div>
    </div>
  );
}
