import type { FilesystemFacts } from "./filesystem-facts.js"

/** What lsattr(1) says of directories that new files in them inherit. */
export interface DirectoryAttributes {
  /** "C": files are written in place, and btrfs keeps no checksums of them. */
  readonly noCopyOnWrite: boolean
  /** "c" */
  readonly compressed: boolean
}

/**
 * Reads what `lsattr -d` printed: flags, a blank and the path in each line. True where any directory has the attribute. Undefined for
 * what is no such list.
 */
export function parseAttributes(text: string): DirectoryAttributes | undefined {
  const flags = [...text.matchAll(/^([-a-zA-Z]{8,}) \//gm)].map(([, letters = ""]) => letters)
  if (flags.length === 0) return undefined
  return {
    noCopyOnWrite: flags.some((letters) => letters.includes("C")),
    compressed: flags.some((letters) => letters.includes("c")),
  }
}

/** Whether attributes of directories decide something there: then they should be asked for. */
export function attributesMatter({ type }: Pick<FilesystemFacts, "type">): boolean {
  return type === "btrfs"
}

/** The facts with what the attributes of the store's directories say; `undefined`: they could not be asked for. */
export function withAttributes(
  facts: FilesystemFacts,
  attributes: DirectoryAttributes | undefined,
): FilesystemFacts {
  if (!attributesMatter(facts)) return facts
  const { checksums, compression } = facts
  if (attributes === undefined) {
    return { ...facts, checksums: checksums === "data" ? "unknown" : checksums }
  }
  return {
    ...facts,
    checksums: attributes.noCopyOnWrite ? "none" : checksums,
    compression: compression ?? (attributes.compressed ? "by attribute" : "none"),
  }
}
