/** Turns a stream of bytes, cut anywhere, into 16-bit little-endian samples. */
export function createSampleStream(onSamples: (samples: Int16Array) => void): (bytes: Uint8Array) => void {
  let rest = Buffer.alloc(0);
  return (bytes) => {
    const joined = Buffer.concat([rest, bytes]);
    const count = joined.length >> 1;
    rest = joined.subarray(2 * count);
    onSamples(Int16Array.from({ length: count }, (_, i) => joined.readInt16LE(2 * i)));
  };
}
