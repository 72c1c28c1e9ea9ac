import { describe, expect, it } from "vitest"
import { fixture } from "../../support/fixtures.js"
import { findProgram } from "../../support/programs.js"
import { cases, sceneOf } from "./damage-cases.js"
import {
  type Files,
  filesOf,
  isPatient,
  kopiaRestore,
  lostFiles,
  type RealRestore,
  resticRestore,
} from "./real-restore.js"
import { passwordOf, pathsOf, verified } from "./verified.js"

const engines: readonly { readonly name: string; readonly restore: RealRestore; readonly program: string }[] =
  [
    { name: "restic/v2-by-0.18", restore: resticRestore, program: "restic" },
    { name: "restic/v1-by-0.14", restore: resticRestore, program: "restic" },
    { name: "kopia/format-3", restore: kopiaRestore, program: "kopia" },
    { name: "kopia/format-1", restore: kopiaRestore, program: "kopia" },
  ]

/** An old restic tries a quarter of an hour to read what is not there. */
function isOfUse(program: string): boolean {
  return findProgram(program) !== undefined && !isPatient(program)
}

describe.each(engines)("of $name, with", ({ name, restore, program }) => {
  const password = passwordOf(name)
  let asked: Promise<ReadonlyMap<string, Files>> | undefined
  /** What comes out of each snapshot while nothing is damaged. */
  const wholeOf = async (): Promise<ReadonlyMap<string, Files>> => {
    const result = await verified(fixture(name), password, { level: "reachable" })
    asked ??= restore(
      fixture(name),
      password,
      result.snapshots.map(({ snapshot }) => snapshot.id),
    )
    return asked
  }

  it.skipIf(!isOfUse(program)).each(cases)(
    "$what, verify names exactly what the real program fails to restore",
    { timeout: 300_000 },
    async ({ level, damage }) => {
      const whole = await wholeOf()
      expect([...whole.values()].every(({ size }) => size > 0)).toBe(true)
      const scene = await sceneOf(name)
      damage(scene)
      const result = await verified(scene.directory, password, { level })
      expect(result.ok).toBe(false)
      const found = new Map(result.snapshots.map((one) => [one.snapshot.id, one]))
      // Without their manifests snapshots cannot be listed at all: then that is the answer, and nothing can be restored.
      if (result.problem === undefined) expect([...found.keys()].sort()).toEqual([...whole.keys()].sort())
      const restored = await restore(scene.directory, password, [...whole.keys()])
      let lostInAll = 0
      for (const [id, files] of whole) {
        const lost = lostFiles(files, restored.get(id) ?? new Map<string, string>())
        const one = found.get(id)
        const named = one === undefined ? [...files.keys()].sort() : filesOf(files, pathsOf(one))
        expect(named, id).toEqual(lost)
        lostInAll += lost.length
      }
      expect(lostInAll).toBeGreaterThan(0)
    },
  )
})
