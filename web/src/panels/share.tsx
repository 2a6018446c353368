// Taking something along: a link, a picture, a table.

import { useState } from "preact/hooks";
import { bytes, saved } from "../source";
import { addressed, written } from "../address";
import { about, end, pass, passNumber, start, unit } from "../state";

const MOST = 1 << 20;

export function SharePanel() {
  const [told, tell] = useState("");
  const trying = (work: () => Promise<string>) => () => work().then(tell, (error: Error) => tell(error.message));
  return (
    <>
      <h2>Take it along</h2>
      <p>
        {addressed && <button onClick={trying(link)}>Copy a link to this view</button>}{" "}
        <button onClick={trying(picture)}>Save the pictures as PNG</button>{" "}
        {!saved && <button onClick={trying(table)}>Save unit {unit.value} as CSV</button>}
      </p>
      {!saved && (
        <p>
          For one HTML file that opens without a server: <code>cellwright inspect … --html FILE</code>, or{" "}
          <code>inspection.html("FILE")</code> in Python.
        </p>
      )}
      <p role="status">{told}</p>
    </>
  );
}

async function link(): Promise<string> {
  await navigator.clipboard.writeText(`${location.href.split("#")[0]}#${written()}`);
  return saved ? "Copied." : "Copied. It works while the inspector runs.";
}

function download(name: string, content: Blob): string {
  const anchor = document.createElement("a");
  anchor.href = URL.createObjectURL(content);
  anchor.download = name;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 10_000);
  return `Saved as ${name}.`;
}

/** All pictures that are shown, one below the other, with their names. */
async function picture(): Promise<string> {
  const canvases = [...document.querySelectorAll<HTMLCanvasElement>("canvas.time")];
  const [margin, gap] = [70, 4];
  const ratio = devicePixelRatio;
  const whole = document.createElement("canvas");
  whole.width = canvases[0].width + margin * ratio;
  whole.height = canvases.reduce((sum, each) => sum + each.height + gap * ratio, 0);
  const context = whole.getContext("2d")!;
  const style = getComputedStyle(document.body);
  context.fillStyle = style.backgroundColor;
  context.fillRect(0, 0, whole.width, whole.height);
  context.fillStyle = style.color;
  context.font = `${13 * ratio}px system-ui, sans-serif`;
  let top = 0;
  for (const each of canvases) {
    context.fillText(each.dataset.name!.split(/[ :]/)[0], 4, top + 14 * ratio, (margin - 8) * ratio);
    context.drawImage(each, margin * ratio, top);
    top += each.height + gap * ratio;
  }
  const content = await new Promise<Blob | null>((resolve) => whole.toBlob(resolve));
  if (!content) throw new Error("the picture is too large; make the window smaller");
  return download(`${about.value!.title}.png`, content);
}

/** Every signal of one unit over the steps that are seen. */
async function table(): Promise<string> {
  const from = Math.floor(start.value);
  const to = Math.min(Math.ceil(end.value), about.value!.steps);
  if (to - from > MOST) throw new Error(`at most ${MOST} steps at once; zoom in`);
  const names = pass.value.signals.map((each) => each.name);
  const columns = await Promise.all(
    names.map(async (signal) => {
      const query = { pass: passNumber.value, signal, start: from, end: to, unit: unit.value };
      return new Float32Array(await bytes("values", query));
    }),
  );
  const rows = Array.from({ length: to - from }, (_, n) => [from + n, ...columns.map((each) => each[n])].join(","));
  const text = [["step", ...names].join(","), ...rows].join("\n");
  return download(`${about.value!.title}-unit-${unit.value}.csv`, new Blob([text, "\n"], { type: "text/csv" }));
}
