/** Corner coordinates x0, y0, x1, y1, ... of a closed polygon. */
export type Polygon = Float64Array;

/** Distance from a point to the outline, negative inside. */
export function signedDistance(polygon: Polygon, x: number, y: number): number {
  let nearest = Number.POSITIVE_INFINITY;
  let sign = 1;
  const size = polygon.length;
  let fromX = polygon[size - 2] as number;
  let fromY = polygon[size - 1] as number;
  for (let i = 0; i < size; i += 2) {
    const toX = polygon[i] as number;
    const toY = polygon[i + 1] as number;
    const edgeX = fromX - toX;
    const edgeY = fromY - toY;
    const pointX = x - toX;
    const pointY = y - toY;
    const along = (pointX * edgeX + pointY * edgeY) / (edgeX * edgeX + edgeY * edgeY + 1e-9);
    const share = Math.min(1, Math.max(0, along));
    const offX = pointX - edgeX * share;
    const offY = pointY - edgeY * share;
    nearest = Math.min(nearest, offX * offX + offY * offY);
    if (toY > y !== fromY > y && x < (edgeX * (y - toY)) / edgeY + toX) sign = -sign;
    fromX = toX;
    fromY = toY;
  }
  return sign * Math.sqrt(nearest);
}
