import { StorageError } from "../errors.js"

const simple: Readonly<Record<string, number>> = {
  a: 0x07,
  b: 0x08,
  f: 0x0c,
  n: 0x0a,
  r: 0x0d,
  t: 0x09,
  v: 0x0b,
  "\\": 0x5c,
  '"': 0x22,
}

/**
 * The bytes of a name as restic writes it: quoted by Go's rules without the quotes, because a name need not be UTF-8
 * (restic-repository-format §9). `corrupt` for an escape that Go does not write.
 */
export function unquoteName(text: string, what: string): Uint8Array {
  if (!text.includes("\\")) return Buffer.from(text, "utf8")
  const pieces: Uint8Array[] = []
  const escape = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([abfnrtv\\"]))|[^\\]+/gy
  let end = 0
  for (const [whole, byte, short, long, letter] of text.matchAll(escape)) {
    end += whole.length
    const rune = short ?? long
    if (byte !== undefined) pieces.push(Uint8Array.of(Number.parseInt(byte, 16)))
    else if (rune !== undefined) pieces.push(encoded(Number.parseInt(rune, 16), what))
    else if (letter !== undefined) pieces.push(Uint8Array.of(simple[letter] ?? 0))
    else pieces.push(Buffer.from(whole, "utf8"))
  }
  if (end !== text.length) throw notQuoted(what)
  return Buffer.concat(pieces)
}

function encoded(rune: number, what: string): Uint8Array {
  const isSurrogate = rune >= 0xd800 && rune <= 0xdfff
  if (rune > 0x10_ffff || isSurrogate) throw notQuoted(what)
  return Buffer.from(String.fromCodePoint(rune), "utf8")
}

function notQuoted(what: string): StorageError {
  return new StorageError("corrupt", `${what}: a name that is not quoted as restic does it`)
}
