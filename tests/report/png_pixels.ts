/** An image of four bytes a pixel, as the tests compare them. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** `[height, width, 4]`. */
  readonly rgba: Uint8Array;
}

/** Decodes a PNG of 8-bit RGBA without interlacing, which is what resvg writes: https://www.w3.org/TR/png-3/ */
export async function pngPixels(png: Uint8Array): Promise<Pixels> {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let [width, height] = [0, 0];
  for (let at = 8; at < png.length;) {
    const length = view.getUint32(at);
    const type = new TextDecoder().decode(png.subarray(at + 4, at + 8));
    if (type === "IHDR") [width, height] = [view.getUint32(at + 8), view.getUint32(at + 12)];
    if (type === "IDAT") parts.push(new Uint8Array(png.subarray(at + 8, at + 8 + length)));
    at += 12 + length;
  }
  const inflated = new Blob(parts).stream().pipeThrough(new DecompressionStream("deflate"));
  const lines = new Uint8Array(await new Response(inflated).arrayBuffer());
  const stride = 4 * width;
  const rgba = new Uint8Array(stride * height);
  for (let row = 0; row < height; row++) {
    const filter = lines[row * (stride + 1)];
    for (let byte = 0; byte < stride; byte++) {
      const place = row * stride + byte;
      const left = byte >= 4 ? rgba[place - 4] : 0;
      const up = row > 0 ? rgba[place - stride] : 0;
      const corner = byte >= 4 && row > 0 ? rgba[place - stride - 4] : 0;
      rgba[place] = lines[row * (stride + 1) + 1 + byte] + predict(filter, left, up, corner);
    }
  }
  return { width, height, rgba };
}

function predict(filter: number, left: number, up: number, corner: number): number {
  if (filter === 0) return 0;
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  const [toLeft, toUp, toCorner] = [up - corner, left - corner, left + up - 2 * corner].map(Math.abs);
  return toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner;
}
