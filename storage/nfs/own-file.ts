import { createHash } from "node:crypto"
import { StorageError } from "../errors.js"
import type { NfsExport } from "./export.js"
import { renderExportLines } from "./exports-file.js"

// Whoever finds the file must be able to tell whose it is, and whether it is still what was written.
const HEADER = /^# Written by Cistern ([0-9a-f]{16}), ([0-9a-f]{64})\n/

/** The text of the file of exports(5) that the Cistern of that name owns. */
export function renderOwnFile(owner: string, exports: readonly NfsExport[]): string {
  return ownedText(owner, renderExportLines(exports))
}

/** Lines, each with its end, as the file that the Cistern of that name owns. Lines that begin with "#" must mean nothing in it. */
export function ownedText(owner: string, lines: string): string {
  const hint = "# What is changed here by hand is refused: declare it, and use `cistern exports apply`.\n"
  return `# Written by Cistern ${owner}, ${digestOf(lines)}\n${hint}${lines}`
}

/**
 * The lines of a file that is `owner`'s and as it was written; [] for no file. Throws StorageError `invalid` for one
 * that somebody else wrote or changed: what it exports may be meant.
 */
export function readOwnFile(owner: string, file: string, text: string | undefined): string[] {
  if (text === undefined) return []
  const [, writer, digest] = HEADER.exec(text) ?? []
  if (writer === undefined) throw foreign(file, "was not written by `cistern exports apply`")
  if (writer !== owner) throw foreign(file, "is another Cistern's of this machine")
  const lines = text.split("\n").slice(2).join("\n")
  if (digestOf(lines) !== digest) throw foreign(file, "was changed by hand")
  return lines.split("\n").filter((line) => line !== "")
}

function digestOf(lines: string): string {
  return createHash("sha256").update(lines).digest("hex")
}

function foreign(file: string, what: string): StorageError {
  return new StorageError("invalid", `${file} ${what}`, {
    facts: { file },
    hint: "Look at it. Declare what it exports and is meant, then use `cistern exports apply --replace`.",
  })
}
