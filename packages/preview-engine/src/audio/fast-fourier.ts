/**
 * Radix-2 Fourier transform of one fixed size, a power of two.
 *
 * `powerSpectrum` overwrites `real` (the windowed samples) and returns a view, valid until the next call, of
 * the powers of bins 0 to size / 2 - 1.
 */
export function createPowerSpectrum(size: number): (real: Float64Array) => Float64Array {
  const imaginary = new Float64Array(size);
  const power = new Float64Array(size / 2);
  const cos = Float64Array.from({ length: size / 2 }, (_, i) => Math.cos((2 * Math.PI * i) / size));
  const sin = Float64Array.from({ length: size / 2 }, (_, i) => -Math.sin((2 * Math.PI * i) / size));
  const reversed = bitReversal(size);

  return function powerSpectrum(real) {
    imaginary.fill(0);
    for (let i = 0; i < size; i++) {
      const j = reversed[i] as number;
      if (i >= j) continue;
      const swapped = real[i] as number;
      real[i] = real[j] as number;
      real[j] = swapped;
    }
    for (let half = 1; half < size; half *= 2) {
      const turn = size / (2 * half);
      for (let start = 0; start < size; start += 2 * half) {
        for (let k = 0; k < half; k++) {
          const a = start + k;
          const b = a + half;
          const c = cos[k * turn] as number;
          const s = sin[k * turn] as number;
          const re = (real[b] as number) * c - (imaginary[b] as number) * s;
          const im = (real[b] as number) * s + (imaginary[b] as number) * c;
          real[b] = (real[a] as number) - re;
          imaginary[b] = (imaginary[a] as number) - im;
          real[a] = (real[a] as number) + re;
          imaginary[a] = (imaginary[a] as number) + im;
        }
      }
    }
    for (let i = 0; i < power.length; i++)
      power[i] = (real[i] as number) ** 2 + (imaginary[i] as number) ** 2;
    return power;
  };
}

function bitReversal(size: number): Uint16Array {
  const reversed = new Uint16Array(size);
  const bits = Math.log2(size);
  for (let i = 0; i < size; i++) {
    for (let bit = 0; bit < bits; bit++) {
      if (i & (1 << bit)) reversed[i] = (reversed[i] as number) | (1 << (bits - 1 - bit));
    }
  }
  return reversed;
}
