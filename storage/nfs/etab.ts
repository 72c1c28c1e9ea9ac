import { StorageError } from "../errors.js"

/** One line of the table of what the kernel's NFS server exports: one path for one client. */
export interface ActiveExport {
  readonly path: string
  /** As exportfs writes it: a network, an address, a host name or pattern, "@netgroup", or "*". */
  readonly client: string
  /** All of them, defaults spelled out, in the table's order. The last of two that contradict each other counts. */
  readonly options: readonly string[]
}

/**
 * Reads `/var/lib/nfs/etab` (reference nas-platforms.md §1.4, "Parsing"): `PATH<TAB>CLIENT(OPTIONS)`. Throws StorageError
 * `corrupt` for any other line: a table that is read in part would show an export as withdrawn that is not.
 */
export function parseEtab(text: string): ActiveExport[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line, at) => {
      const match = /^([^\t]+)\t([^(\t]+)\((.*)\)$/.exec(line)
      const [, path = "", client = "", options = ""] = match ?? []
      if (match === null) {
        throw new StorageError("corrupt", `etab: line ${at + 1} is no export`, {
          facts: { line: at + 1 },
          hint: "Run `exportfs -ra`, which writes the table anew, and look at what it says.",
        })
      }
      return { path: unescapedPath(path), client: unescapedPath(client), options: options.split(",") }
    })
}

/** The bytes of three octal digits after a backslash; the rest is UTF-8 already. */
export function unescapedPath(field: string): string {
  if (!field.includes("\\")) return field
  const bytes = field
    .split(/(\\[0-7]{3})/)
    .map((part) => (/^\\[0-7]{3}$/.test(part) ? Buffer.of(parseInt(part.slice(1), 8)) : Buffer.from(part)))
  return Buffer.concat(bytes).toString("utf8")
}
