import { existsSync } from "node:fs"
import { join, relative } from "node:path"
import { expect } from "vitest"
import type { Snapshot } from "../../../storage/index.js"
import { filesBelow } from "../../support/damage.js"
import { scratch } from "../../support/fixtures.js"
import { RealKopia } from "../../support/programs.js"
import { covered, named, type Patient, patientAt, prognosisOf, restoredIn, without } from "./campaign.js"

export interface KopiaCampaign {
  readonly program: string
  readonly directory: string
  readonly password: string
  /** Restored at each damage; all where it is not said. */
  readonly snapshots?: number
}

interface Outcome {
  /** Paths that could not be restored, in all. */
  readonly lost: number
  /** Snapshots that were not listed any more, in all. */
  readonly gone: number
  readonly damages: number
}

/** Takes every pack and every index blob of a repository away in turn, and has the real kopia restore the snapshots. */
export async function kopiaCampaign({
  program,
  directory,
  password,
  snapshots,
}: KopiaCampaign): Promise<Outcome> {
  const patient = await patientAt(directory, password)
  const tried = distinctRoots(patient).slice(-(snapshots ?? Infinity))
  const whole = new Map(tried.map((one) => [one.id, restore(one, connect(program, patient))]))
  const files = filesBelow(directory, /^[pqxn].*\.f$/).map((path) => relative(directory, path))
  let [lost, gone] = [0, 0]
  for (const file of files) {
    const prognosis = await prognosisOf(patient, file)
    expect(prognosis.loss.file).toBe(file)
    await without(directory, file, () => {
      const kopia = connect(program, patient)
      expect(missingOf(kopia, patient), file).toEqual([...prognosis.loss.snapshots].sort())
      gone += prognosis.loss.snapshots.length
      for (const snapshot of tried) {
        const said = named(prognosis, snapshot)
        if (said === undefined) continue
        const before = whole.get(snapshot.id) ?? new Map<string, string>()
        const after = said.length === 0 && prognosis.loss.count === 0 ? before : restore(snapshot, kopia)
        const failed = [...before].filter(([path, what]) => after.get(path) !== what).map(([path]) => path)
        expect(failed.sort(), `${file}, snapshot ${snapshot.id}`).toEqual(covered(before.keys(), said))
        lost += failed.length
      }
      return Promise.resolve()
    })
  }
  return { lost, gone, damages: files.length }
}

function distinctRoots({ snapshots }: Patient): Snapshot[] {
  return [...new Map(snapshots.map((snapshot) => [snapshot.root, snapshot])).values()]
}

function connect(program: string, { directory, password }: Patient): RealKopia {
  return new RealKopia(program, directory, password, scratch(), {
    KOPIA_IGNORE_MALFORMED_MANIFEST_CONTENTS: "true",
  })
}

/** Snapshots that the real program does not list any more. */
function missingOf(kopia: RealKopia, { snapshots }: Patient): string[] {
  const listed = JSON.parse(kopia.run("snapshot", "list", "--all", "--json")) as { id: string }[]
  const ids = new Set(listed.map(({ id }) => id))
  return snapshots
    .map(({ id }) => id)
    .filter((id) => !ids.has(id))
    .sort()
}

function restore({ root }: Snapshot, kopia: RealKopia): Map<string, string> {
  const target = join(scratch(), "restored")
  try {
    kopia.run("restore", root ?? "", target, "--ignore-errors")
  } catch {
    // What could be restored is there.
  }
  return existsSync(target) ? restoredIn(target) : new Map<string, string>()
}
