import {
  adviceFor,
  attributesMatter,
  type DirectoryAttributes,
  type FilesystemFacts,
  parseAttributes,
  withAttributes,
} from "../../../storage/disk/index.js"
import { StorageError } from "../../../storage/index.js"
import type { CheckJson, StoreJson } from "../../http/contract/admin.js"
import type { StoreFactsJson } from "../../http/contract/store-facts.js"
import { soon } from "../soon.js"

export interface StoreFactsParts {
  /** What `lsattr -d` prints of directories. Throws StorageError. */
  readonly directoryAttributes: (directories: readonly string[]) => Promise<string>
}

/** Directories of one store that are asked about: those of a tree of repositories may be thousands. */
const MOST_DIRECTORIES = 50

/** The facts as they are shown, with the advice that they call for. */
export async function storeFacts(
  facts: FilesystemFacts | undefined,
  directories: readonly string[],
  parts: StoreFactsParts,
  now: Date,
): Promise<Pick<StoreJson, "facts" | "advice">> {
  if (facts === undefined) return { facts: null, advice: [] }
  const whole = attributesMatter(facts)
    ? withAttributes(facts, await attributesOf(directories.slice(0, MOST_DIRECTORIES), parts))
    : facts
  return { facts: jsonOf(whole, now), advice: adviceFor(whole) }
}

/** One for each advice that is more than good to know. */
export function adviceChecks({ name, advice }: StoreJson): CheckJson[] {
  return advice.flatMap(({ code, severity, message, hint }) =>
    severity === "info"
      ? []
      : [{ name: `store ${name}, ${code.replaceAll("_", " ")}`, status: severity, detail: message, hint }],
  )
}

async function attributesOf(
  directories: readonly string[],
  { directoryAttributes }: StoreFactsParts,
): Promise<DirectoryAttributes | undefined> {
  const ask = async (): Promise<string> => {
    try {
      return await directoryAttributes(directories)
    } catch (error) {
      // Without the program it is not known, and the facts say so.
      if (error instanceof StorageError) return ""
      throw error
    }
  }
  const text = await soon(ask())
  return text === undefined ? undefined : parseAttributes(text)
}

function jsonOf(facts: FilesystemFacts, now: Date): StoreFactsJson {
  const { type, source, mountPoint, readOnly, options, space, checksums, snapshots, compression } = facts
  const { totalFiles, availableFiles } = space
  return {
    readAt: now.toISOString(),
    type,
    source,
    mountPoint,
    readOnly,
    options: [...options],
    inodes: totalFiles === 0 ? null : { total: totalFiles, free: availableFiles },
    checksums,
    snapshots,
    compression: compression ?? null,
    sync: { kind: facts.sync.kind, why: facts.sync.why ?? null },
    errors: facts.errors === undefined ? null : { count: facts.errors.count, kinds: [...facts.errors.kinds] },
    redundancy: facts.redundancy.map(({ name, level, degraded }) => ({
      name,
      level: level ?? null,
      degraded: degraded ?? null,
    })),
    disks: facts.disks === undefined ? null : [...facts.disks],
  }
}
