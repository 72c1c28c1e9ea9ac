// GF(2^8) over x^8 + x^4 + x^3 + x^2 + 1. Addition and subtraction are XOR. 2 generates every element but 0, so a
// product is a sum of logarithms.
const POLYNOMIAL = 0x11d
const ORDER = 255

/** Twice the period long, so that a sum of two logarithms needs no remainder. */
const powers = new Uint8Array(2 * ORDER)
const logarithms = new Uint8Array(256)
for (let exponent = 0, power = 1; exponent < ORDER; exponent++) {
  powers[exponent] = power
  powers[exponent + ORDER] = power
  logarithms[power] = exponent
  power *= 2
  if (power > 0xff) power ^= POLYNOMIAL
}

export function multiply(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : (powers[logarithm(a) + logarithm(b)] ?? 0)
}

/** `divisor` is not 0. */
export function divide(dividend: number, divisor: number): number {
  return dividend === 0 ? 0 : (powers[logarithm(dividend) + ORDER - logarithm(divisor)] ?? 0)
}

/** Adds `factor` times each byte of `source` to the byte of `target` in the same place. */
export function addMultiple(target: Uint8Array, source: Uint8Array, factor: number): void {
  if (factor === 0) return
  const logarithmOfFactor = logarithm(factor)
  for (const [at, byte] of source.entries()) {
    if (byte === 0) continue
    target[at] = (target[at] ?? 0) ^ (powers[logarithm(byte) + logarithmOfFactor] ?? 0)
  }
}

function logarithm(element: number): number {
  return logarithms[element] ?? 0
}
