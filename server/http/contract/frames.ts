import { z } from "zod"

// Bytes that may fail on the way, for who wants to know why: one byte for the kind, four for the length (big-endian), then so many bytes.

export const framesType = "application/x-cistern-frames"

/** `note`, `error`: a document. `alive`: nothing; it goes on. What ends without `end` or `error` is not whole. */
export type FrameKind = "bytes" | "note" | "alive" | "end" | "error"
const letters: Readonly<Record<FrameKind, string>> = {
  bytes: "b",
  note: "n",
  alive: "a",
  end: "e",
  error: "x",
}
const kinds = new Map(
  Object.entries(letters).map(([kind, letter]) => [letter.charCodeAt(0), kind as FrameKind]),
)

const path = { path: z.string().exactOptional(), pathBase64: z.string().exactOptional() }

/** What the bytes of an archive do not show: what is left out, and what its format cannot hold. */
export const noteJson = z.union([
  z.strictObject({ kind: z.literal("left_out"), ...path, code: z.string(), message: z.string() }),
  z.strictObject({
    kind: z.literal("loss"),
    ...path,
    loss: z.enum(["kind", "hard_link", "name", "attributes"]),
  }),
])
export type NoteJson = z.infer<typeof noteJson>

const HEADER = 5
/** No frame is longer. */
const LONGEST = 64 * 1024 * 1024

export function frameHeader(kind: FrameKind, length: number): Buffer {
  const header = Buffer.alloc(HEADER)
  header.write(letters[kind], "latin1")
  header.writeUInt32BE(length, 1)
  return header
}

export function documentFrame(kind: "note" | "error", document: object): Buffer {
  const bytes = Buffer.from(JSON.stringify(document))
  return Buffer.concat([frameHeader(kind, bytes.length), bytes])
}

export interface Frame {
  readonly kind: FrameKind
  readonly bytes: Uint8Array
}

/** Frames out of the pieces that a connection brings. Throws RangeError for what is none. */
export async function* framesOf(pieces: AsyncIterable<Buffer>): AsyncGenerator<Frame> {
  let left: Buffer = Buffer.alloc(0)
  for await (const piece of pieces) {
    left = left.length === 0 ? piece : Buffer.concat([left, piece])
    for (;;) {
      if (left.length < HEADER) break
      const kind = kinds.get(left.readUInt8(0))
      const length = left.readUInt32BE(1)
      if (kind === undefined || length > LONGEST) throw new RangeError("this is no frame")
      if (left.length < HEADER + length) break
      yield { kind, bytes: left.subarray(HEADER, HEADER + length) }
      left = left.subarray(HEADER + length)
    }
  }
}
