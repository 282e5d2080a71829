/** The little arithmetic that the cases share. Pure. */

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** Slope of the least-squares line, in units of y per unit of x. */
export function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const count = points.length;
  if (count < 2) return Number.NaN;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / count;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / count;
  let above = 0;
  let below = 0;
  for (const [x, y] of points) {
    above += (x - meanX) * (y - meanY);
    below += (x - meanX) ** 2;
  }
  return above / below;
}

/** The lowest point of each of so many equal parts of a row: what is left of a saw-tooth when its teeth are taken off. */
export function floors<Point extends readonly [x: number, y: number]>(
  points: readonly Point[],
  parts: number,
): Point[] {
  const size = points.length / parts;
  return Array.from({ length: Math.min(parts, points.length) }, (_, part) =>
    points
      .slice(Math.floor(part * size), Math.max(Math.floor(part * size) + 1, Math.floor((part + 1) * size)))
      .reduce((lowest, point) => (point[1] < lowest[1] ? point : lowest)),
  );
}
