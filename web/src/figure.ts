// Numbers as they are read.

import { Figure } from "./source";

/** A number with as many digits as are worth reading. */
export function figure(value: Figure, digits = 3): string {
  const found = Number(value);
  if (!Number.isFinite(found)) return value === "NaN" ? "none" : found > 0 ? "∞" : "-∞";
  return Math.abs(found) >= 1e5 || (found !== 0 && Math.abs(found) < 1e-3) ? found.toExponential(digits - 1) : `${Number(found.toPrecision(digits))}`;
}
