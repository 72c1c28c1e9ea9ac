import { StorageError } from "../../errors.js"

/** Something that an NFSv4 client holds: an open file, a lock, the right to keep a file in its cache. */
export interface ClientState {
  readonly kind: "open" | "lock" | "delegation" | "other"
  readonly writes: boolean
  /**
   * The filesystem, "major:minor" in decimal as the table of mounts names it (a btrfs subvolume has another number in st_dev).
   * Undefined where the server has no file of it at hand.
   */
  readonly device: string | undefined
  readonly inode: string | undefined
  /** The last two components of its path at most. The client chose them, so they are a hint and no more. */
  readonly file: string | undefined
}

// - 0x…: { type: open, access: rw, deny: --, superblock: "fe:00:7523", filename: "kopia/held", owner: "…" }
const BEGIN = /^- 0x[0-9a-f]+: \{ type: /m
const NAME = `, filename: "`

/**
 * Reads `/proc/fs/nfsd/clients/<n>/states` (reference nas-platforms.md §1.5). It looks like YAML and is none: file names stand in it
 * as they are, with quotes and line ends. Throws StorageError `corrupt` for what has no kind.
 */
export function parseClientStates(text: string, file: string): ClientState[] {
  const [before = "", ...items] = text.split(BEGIN)
  if (before.trim() !== "") throw notAState(file, before)
  return items.map((item) => {
    const kind = /^[a-z]+/.exec(item)?.[0]
    if (kind === undefined) throw notAState(file, item)
    // A name may hold anything, also what looks like a field.
    const [fields = ""] = item.split(NAME, 1)
    return {
      kind: kindOf(kind),
      writes: /^[a-z]+, access: .?w/.test(fields),
      ...superblockOf(/ superblock: "([^"]*)"/.exec(fields)?.[1] ?? ""),
      file: /^(.*?)"(?:, owner: ".*| ?\})\s*$/s.exec(item.slice(fields.length + NAME.length))?.[1],
    }
  })
}

/** Reads "fe:00:7523": the device in hex, the inode in decimal. */
export function superblockOf(text: string): Pick<ClientState, "device" | "inode"> {
  const [, major = "", minor = "", inode] = /^([0-9a-f]+):([0-9a-f]+):(\d+)$/.exec(text) ?? []
  const device = inode === undefined ? undefined : `${parseInt(major, 16)}:${parseInt(minor, 16)}`
  return { device, inode }
}

export function kindOf(word: string): ClientState["kind"] {
  if (word === "open" || word === "lock") return word
  return word === "deleg" ? "delegation" : "other"
}

function notAState(file: string, text: string): StorageError {
  const shown = JSON.stringify(text.slice(0, 80))
  return new StorageError("corrupt", `${file}: ${shown} is nothing that a client holds`, {
    facts: { file },
    hint: "This kernel writes it otherwise than those that are known here: report it with the file's text.",
  })
}
