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
  const whole = new Map<string, Files>()
  const password = passwordOf(name)
  const wholeOf = (snapshot: string): Files => {
    const files = whole.get(snapshot) ?? restore(fixture(name), password, snapshot)
    whole.set(snapshot, files)
    return files
  }

  it.skipIf(!isOfUse(program)).each(cases)(
    "$what, verify names exactly what the real program fails to restore",
    { timeout: 300_000 },
    async ({ level, damage }) => {
      const scene = await sceneOf(name)
      damage(scene)
      const result = await verified(scene.directory, password, { level })
      expect(result.ok).toBe(false)
      for (const one of result.snapshots) {
        const { id } = one.snapshot
        const lost = lostFiles(wholeOf(id), restore(scene.directory, password, id))
        expect(filesOf(wholeOf(id), pathsOf(one)), id).toEqual(lost)
      }
    },
  )
})
