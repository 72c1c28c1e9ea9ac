import { closeSync, ftruncateSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { StorageError } from "../../../storage/index.js"
import type { VerifyLevel } from "../../../storage/verify/index.js"
import { fixtureCopy } from "../../support/fixtures.js"
import { SeededBytes } from "../../support/seeded.js"
import { pathOf, type Region, regionsOf } from "./regions.js"
import { passwordOf, verified } from "./verified.js"

const names = [
  "restic/v2-by-0.18",
  "restic/v1-by-0.14",
  "kopia/format-3",
  "kopia/format-1",
  "kopia/algo-chacha-blake3-256",
  "kopia/algo-aes-hmac-sha3-224",
  "kopia/compression",
  "kopia/epochs",
]

/** Codes by which a repository is refused that cannot be opened at all. */
const refusals = new Set([
  "corrupt",
  "wrong_password",
  "index_lost",
  "missing",
  "unsupported",
  "not_a_repository",
])

/** Whether a verify says that all is well. */
async function isWell(directory: string, password: string, level: VerifyLevel): Promise<boolean> {
  try {
    return (await verified(directory, password, { level })).ok
  } catch (error) {
    if (error instanceof StorageError && refusals.has(error.code)) return false
    throw error
  }
}

/** Does something to a file, looks, and brings the file back. */
async function during<T>(
  path: string,
  damage: (descriptor: number) => void,
  look: () => Promise<T>,
): Promise<T> {
  const bytes = readFileSync(path)
  const descriptor = openSync(path, "r+")
  try {
    damage(descriptor)
    return await look()
  } finally {
    closeSync(descriptor)
    writeFileSync(path, bytes)
  }
}

/** At most so many of each kind: the last and some others. */
function some(regions: readonly Region[], most: number, random: SeededBytes): Region[] {
  const kinds = new Map<string, Region[]>()
  for (const region of regions) {
    if (region.start >= region.end) continue
    kinds.set(region.kind, [...(kinds.get(region.kind) ?? []), region])
  }
  return [...kinds.values()].flatMap((all) => {
    const others = Array.from({ length: most - 1 }, () => all[random.below(all.length)])
    return [...new Set([all.at(-1), ...others])].filter((region) => region !== undefined)
  })
}

describe.concurrent.each(names)("of %s", (name) => {
  const password = passwordOf(name)

  it(
    "what the damage of each structure needs to be found finds it, and nothing less does",
    { timeout: 300_000 },
    async () => {
      const directory = fixtureCopy(name)
      const regions = await regionsOf(name, directory)
      const random = new SeededBytes(name)
      const wrong: string[] = []
      const expectFound = async (what: string, region: Region, finder: Region["finder"]): Promise<void> => {
        for (const level of ["reachable", "read"] as const) {
          const isFound = !(await isWell(directory, password, level))
          const mustBe = finder === level || finder === "reachable"
          if (isFound !== mustBe)
            wrong.push(
              `${what} ${region.kind} at ${region.start} of ${region.file}: ${level} says ${isFound}`,
            )
          if (isFound) return
        }
      }
      for (const region of some(regions, 2, random)) {
        const path = pathOf(directory, region)
        const length = region.end - region.start
        const at = region.start + random.below(length)
        const [byte = 0] = readFileSync(path).subarray(at)
        const flipped = Buffer.of(byte ^ (1 << random.below(8)))
        await during(
          path,
          (file) => writeSync(file, flipped, 0, 1, at),
          () => expectFound("a bit flipped in", region, region.finder),
        )
        await during(
          path,
          (file) => writeSync(file, Buffer.alloc(length), 0, length, region.start),
          () => expectFound("zeros over", region, region.finder),
        )
        await during(
          path,
          (file) => {
            ftruncateSync(file, region.start)
          },
          () => expectFound("cut before", region, region.cut),
        )
      }
      expect(wrong).toEqual([])
      expect(await isWell(directory, password, "read")).toBe(true)
    },
  )
})
