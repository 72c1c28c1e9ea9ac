// The elements of S2 blocks as bytes and, beside them, what they do to the output: written down apart from the decoder
// in storage/kopia, so that the two can disagree.

/** What one element is in bytes, and what it does to the output: written down apart from the decoder. */
export interface S2Element {
  readonly bytes: Buffer
  apply(output: number[], lastDistance: number): number
}

export function literal(plain: Uint8Array): S2Element {
  const n = plain.length - 1
  const head =
    n < 60
      ? Buffer.of(n << 2)
      : n < 0x100
        ? Buffer.of(60 << 2, n)
        : n < 0x1_0000
          ? Buffer.concat([Buffer.of(61 << 2), le(n, 2)])
          : Buffer.concat([Buffer.of(62 << 2), le(n, 3)])
  return {
    bytes: Buffer.concat([head, plain]),
    apply: (output, last) => {
      for (const byte of plain) output.push(byte)
      return last
    },
  }
}

function copying(bytes: Buffer, distance: number | "repeat", length: number): S2Element {
  return {
    bytes,
    apply: (output, last) => {
      const back = distance === "repeat" ? last : distance
      for (let i = 0; i < length; i++) output.push(output[output.length - back] ?? 0)
      return back
    },
  }
}

export const shortCopy = (distance: number, length: number) =>
  copying(Buffer.of(((distance >> 8) << 5) | ((length - 4) << 2) | 1, distance & 0xff), distance, length)
export const copy16 = (distance: number, length: number) =>
  copying(Buffer.concat([Buffer.of(((length - 1) << 2) | 2), le(distance, 2)]), distance, length)
export const copy32 = (distance: number, length: number) =>
  copying(Buffer.concat([Buffer.of(((length - 1) << 2) | 3), le(distance, 4)]), distance, length)

export function repeat(length: number): S2Element {
  const bytes =
    length < 9
      ? Buffer.of(((length - 4) << 2) | 1, 0)
      : length < 264
        ? Buffer.of((5 << 2) | 1, 0, length - 8)
        : length < 65_796
          ? Buffer.concat([Buffer.of((6 << 2) | 1, 0), le(length - 260, 2)])
          : Buffer.concat([Buffer.of((7 << 2) | 1, 0), le(length - 65_540, 3)])
  return copying(bytes, "repeat", length)
}

export function uvarint(value: number): Buffer {
  return value < 0x80
    ? Buffer.of(value)
    : Buffer.concat([Buffer.of((value % 0x80) + 0x80), uvarint(Math.floor(value / 0x80))])
}

export function plainOf(elements: readonly S2Element[]): Buffer {
  const output: number[] = []
  let last = 0
  for (const element of elements) last = element.apply(output, last)
  return Buffer.from(output)
}

/** Makes each wish possible: no copy before there is output, no distance beyond it, no length that its form cannot say. */
export function elementsOf(
  wishes: readonly (
    | { readonly bytes: Uint8Array }
    | { readonly form: number; readonly distance: number; readonly length: number }
  )[],
): S2Element[] {
  const made: S2Element[] = []
  let length = 0
  let copied = false
  for (const wish of wishes) {
    if ("bytes" in wish) {
      made.push(literal(wish.bytes))
      length += wish.bytes.length
      continue
    }
    if (length === 0) continue
    const within = (most: number) => 1 + (wish.distance % Math.min(length, most))
    const spread = (least: number, most: number) => least + (wish.length % (most - least + 1))
    const count = wish.form === 0 && copied ? spread(4, 1000) : wish.form < 2 ? spread(4, 11) : spread(1, 64)
    made.push(
      wish.form === 0 && copied
        ? repeat(count)
        : wish.form < 2
          ? shortCopy(within(2047), count)
          : wish.form === 2
            ? copy16(within(65_535), count)
            : copy32(within(2 ** 31), count),
    )
    copied = true
    length += count
  }
  return made
}

export function le(value: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes)
  buffer.writeUIntLE(value, 0, bytes)
  return buffer
}
