const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const OPEN_LIST = 0x5b
const CLOSE_LIST = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

const START = Buffer.from('{"entries":[')

/** Where an entry begins, and the byte after its end. */
export type EntryPlace = readonly [start: number, end: number]

/**
 * Finds the entries in the JSON that the engine writes, `{"entries":[{…},{…}]}`, so that they can be parsed one by one: a
 * hundred thousand at once would need half a gigabyte. Says nothing of whether an entry is JSON. Undefined for anything that
 * is not written just so, which may still be the same in other words.
 */
export function splitEntries(json: Uint8Array): readonly EntryPlace[] | undefined {
  if (!START.equals(json.subarray(0, START.length))) return undefined
  const places: EntryPlace[] = []
  let at = START.length
  if (json[at] !== CLOSE_LIST) {
    for (;;) {
      const end = endOfObject(json, at)
      if (end === undefined) return undefined
      places.push([at, end])
      if (json[end] !== COMMA) {
        at = end
        break
      }
      at = end + 1
    }
  }
  const isWhole = json[at] === CLOSE_LIST && json[at + 1] === CLOSE_OBJECT
  // Go's encoder ends a document with a newline.
  const rest = json.length - (at + 2)
  return isWhole && (rest === 0 || (rest === 1 && json[at + 2] === 0x0a)) ? places : undefined
}

function endOfObject(json: Uint8Array, start: number): number | undefined {
  if (json[start] !== OPEN_OBJECT) return undefined
  let depth = 0
  for (let at = start; at < json.length; at++) {
    const byte = json[at]
    if (byte === QUOTE) at = endOfText(json, at)
    else if (byte === OPEN_OBJECT || byte === OPEN_LIST) depth++
    else if ((byte === CLOSE_OBJECT || byte === CLOSE_LIST) && --depth === 0) return at + 1
  }
  return undefined
}

/** Where the closing quote is; behind the end where there is none. */
function endOfText(json: Uint8Array, quote: number): number {
  let at = quote + 1
  while (at < json.length && json[at] !== QUOTE) at += json[at] === BACKSLASH ? 2 : 1
  return at
}
