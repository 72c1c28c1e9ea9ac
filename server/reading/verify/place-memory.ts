import { createHash } from "node:crypto"
import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs"
import { join } from "node:path"
import { memoryFile, type VerifyMemory } from "../../../storage/verify/index.js"

const FOLDER = "verify"
const DAY_MS = 86_400_000
/** No repository is verified so seldom; what is left of those that are declared no more. */
const KEEP_DAYS = 120

export interface PlaceMemoryOptions {
  /** Throws when what was read must not count. */
  readonly guard: () => void
  /** It could not be used. Losing it costs time, never an answer. */
  readonly trouble: (error: unknown) => void
}

/** What verifies of a place found whole, kept in the state directory: the same for all levels. Never rejects, but with what `guard` throws. */
export function placeMemory(
  stateDirectory: string,
  place: string,
  { guard, trouble }: PlaceMemoryOptions,
): VerifyMemory {
  const file = memoryFile(join(stateDirectory, FOLDER, nameOf(place)))
  return {
    load: () =>
      file.load().catch((error: unknown) => {
        trouble(error)
        return undefined
      }),
    save: async (bytes) => {
      guard()
      try {
        mkdirSync(join(stateDirectory, FOLDER), { recursive: true, mode: 0o700 })
        await file.save(bytes)
      } catch (error) {
        trouble(error)
      }
    },
  }
}

/** Removes what no run has used for months. What cannot be removed stays. `now`: Unix milliseconds. */
export function forgetOldMemories(stateDirectory: string, now: number): void {
  const folder = join(stateDirectory, FOLDER)
  try {
    for (const name of readdirSync(folder)) {
      const path = join(folder, name)
      if (now - statSync(path).mtimeMs > KEEP_DAYS * DAY_MS) rmSync(path)
    }
  } catch {
    // The next run tries again.
  }
}

function nameOf(place: string): string {
  return `${createHash("sha256").update(place).digest("hex").slice(0, 32)}.memory`
}
