import { crc32 } from "node:zlib"
import { StorageError } from "../errors.js"
import type { BlobRecord } from "./ledger.js"

/** One thing that a ledger's file remembers. */
export type LedgerLine =
  | { readonly kind: "blob"; readonly path: string; readonly record: BlobRecord }
  | { readonly kind: "begin"; readonly at: number }
  | { readonly kind: "end" }

/** The first line: what the file is, and how its lines are written. */
export const HEADER = "cistern scrub ledger 1\n"

export interface ParsedLedger {
  readonly lines: readonly LedgerLine[]
  /** Whole lines that are not as they were written. */
  readonly damaged: number
  /** Bytes up to the end of the last whole line: what comes after it was cut while it was written. */
  readonly wholeLength: number
}

/** A line with its checksum and its end. */
export function renderLine(line: LedgerLine): string {
  const text = JSON.stringify(fieldsOf(line))
  return `${checksumOf(text)} ${text}\n`
}

/** Parses the file. Throws `invalid` for one that is something else, whatever it is: it is never written into. */
export function parseLedger(bytes: Uint8Array, file: string): ParsedLedger {
  const wholeLength = bytes.lastIndexOf(0x0a) + 1
  const texts = Buffer.from(bytes.subarray(0, wholeLength)).toString("utf8").split("\n")
  const header = texts.shift()
  // Cut while it was made: nothing was in it yet.
  if (wholeLength === 0 && HEADER.startsWith(Buffer.from(bytes).toString("utf8")))
    return { lines: [], damaged: 0, wholeLength }
  if (`${header ?? ""}\n` !== HEADER) {
    throw new StorageError("invalid", `${file} is no ledger of scrubs that this version knows`, {
      facts: { file },
      hint: "Name a file that is not there yet, or the ledger of an earlier scrub.",
    })
  }
  const parsed = texts.slice(0, -1).map((text) => parseLine(text))
  const lines = parsed.filter((line) => line !== undefined)
  return { lines, damaged: parsed.length - lines.length, wholeLength }
}

function parseLine(text: string): LedgerLine | undefined {
  const body = text.slice(9)
  if (text.slice(0, 9) !== `${checksumOf(body)} `) return undefined
  const fields: unknown = JSON.parse(body)
  if (!Array.isArray(fields)) return undefined
  const [kind, ...rest] = fields as unknown[]
  if (kind === "end") return { kind }
  if (kind === "begin") return typeof rest[0] === "number" ? { kind, at: rest[0] } : undefined
  const [sha256, length, modified, firstSeen, lastChecked] = rest
  const fits =
    typeof kind === "string" &&
    typeof sha256 === "string" &&
    typeof length === "number" &&
    typeof modified === "string" &&
    typeof firstSeen === "number" &&
    typeof lastChecked === "number"
  if (!fits) return undefined
  return {
    kind: "blob",
    path: kind.slice(1),
    record: { sha256, length, modified: BigInt(modified), firstSeen, lastChecked },
  }
}

/** A path begins with "/" here, so that none is taken for another kind of line. */
function fieldsOf(line: LedgerLine): readonly unknown[] {
  if (line.kind === "end") return ["end"]
  if (line.kind === "begin") return ["begin", line.at]
  const { sha256, length, modified, firstSeen, lastChecked } = line.record
  return [`/${line.path}`, sha256, length, String(modified), firstSeen, lastChecked]
}

function checksumOf(text: string): string {
  return crc32(text).toString(16).padStart(8, "0")
}
