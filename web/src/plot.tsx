// Lines and points over numbers, drawn by uPlot in the colours of the page.

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { themed } from "./colours";
import { Figure } from "./source";
import { dark } from "./state";
import { figure } from "./figure";

export interface Line {
  name: string;
  values: Figure[];
  /** A name of the style sheet. */
  colour: string;
  points?: boolean;
  bars?: boolean;
}

/** Of the largest value: what is below is not drawn where the axis is logarithmic. */
const FLOOR = 1e-8;

interface Given {
  summary: string;
  along: string;
  at: number[];
  lines: Line[];
  logarithmic?: boolean;
  height?: number;
  chosen?: (place: number) => void;
}

export function Plot({ summary, along, at, lines, logarithmic = false, height = 220, chosen }: Given) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const axis = { stroke: themed("faint"), grid: { stroke: themed("edge"), width: 1 }, ticks: { show: false } };
    const values = (_: uPlot, ticks: (number | null)[]) => ticks.map((each) => (each === null ? "" : figure(each, 2)));
    const known = lines.flatMap((line) => line.values.map(Number)).filter(Number.isFinite);
    const least = logarithmic ? Math.max(...known) * FLOOR : -Infinity;
    const finite = (value: Figure) => {
      const found = Number(value);
      return Number.isFinite(found) && found > least ? found : null;
    };
    const plot = new uPlot(
      {
        width: box.current!.clientWidth,
        height,
        scales: { x: { time: false }, y: { distr: logarithmic ? 3 : 1 } },
        axes: [{ ...axis, label: along, labelSize: 18, size: 34 }, { ...axis, size: 54, values }],
        cursor: { drag: { x: false, y: false } },
        series: [
          { label: along },
          ...lines.map((line) => ({
            label: line.name,
            stroke: themed(line.colour),
            width: line.points ? 0 : 1.5,
            points: { show: line.points ?? false, size: 4, fill: themed(line.colour) },
            paths: line.bars ? uPlot.paths.bars!({ size: [0.8, 20] }) : undefined,
            fill: line.bars ? themed(line.colour) : undefined,
          })),
        ],
      },
      [at, ...lines.map((line) => line.values.map(finite))],
      box.current!,
    );
    plot.over.addEventListener("click", () => plot.cursor.idx != null && chosen?.(plot.cursor.idx));
    return () => plot.destroy();
  }, [at, lines, logarithmic, height, dark.value]);
  return <div ref={box} role="img" aria-label={summary} />;
}
