import { isUtf8 } from "node:buffer"
import { spawnSync } from "node:child_process"
import { rmSync } from "node:fs"
import { join } from "node:path"
import { expect } from "vitest"
import type { Snapshot } from "../../../storage/index.js"
import { filesBelow } from "../../support/damage.js"
import { scratch } from "../../support/fixtures.js"
import { findProgram } from "../../support/programs.js"
import { readAll } from "../../support/restored.js"
import { covered, named, type Patient, patientAt, prognosisOf, without, zeroed } from "./campaign.js"

/** Damages every pack and every index file of a repository in turn, and has the real restic restore every snapshot. */
export async function resticCampaign(
  directory: string,
  password: string,
): Promise<{ lost: number; damages: number }> {
  const patient = await patientAt(directory, password)
  const files = filesBelow(directory, /^(data|index)\//).map((path) => path.slice(directory.length + 1))
  let lost = 0
  for (const file of files) {
    const prognosis = await prognosisOf(patient, file)
    expect(prognosis.loss.file).toBe(file)
    const whileDamaged = file.startsWith("data/") ? zeroed : without
    await whileDamaged(directory, file, async () => {
      for (const snapshot of patient.snapshots) {
        const said = named(prognosis, snapshot) ?? []
        const failed = failedOf(patient, snapshot)
        const where = `${file}, snapshot ${snapshot.id}`
        if (failed === "gives up") {
          const files = await filesOf(patient, snapshot)
          const undumped = files.filter((path) => !canBeDumped(patient, snapshot, path))
          expect(undumped.sort(), where).toEqual(covered(files, said))
        } else expect(said, where).toEqual(failed)
        lost += said.length
      }
    })
  }
  return { lost, damages: files.length }
}

/** What the real program says it could not restore: hex, "" for the root. A blob that no index names is too much for it. */
function failedOf(patient: Patient, { id }: Snapshot): string[] | "gives up" {
  const target = join(scratch(), "restored")
  const { stderr, status } = restic(patient, "restore", id, "--target", target)
  rmSync(target, { recursive: true, force: true })
  const failed = new Set<string>()
  for (const [, path = ""] of stderr.matchAll(/^ignoring error for \/([^]*?): /gm))
    failed.add(Buffer.from(path, "latin1").toString("hex"))
  return status === 0 || /^Fatal: There were \d+ errors$/m.test(stderr) ? [...failed].sort() : "gives up"
}

function canBeDumped(patient: Patient, { id }: Snapshot, path: string): boolean {
  return restic(patient, "dump", id, `/${Buffer.from(path, "hex").toString()}`).status === 0
}

function restic({ directory, password }: Patient, ...command: string[]) {
  const result = spawnSync(
    findProgram("restic") ?? "restic",
    ["--no-cache", "--no-lock", "--repo", directory, ...command],
    { env: { PATH: process.env.PATH, RESTIC_PASSWORD: password }, encoding: "latin1", maxBuffer: 1024 ** 3 },
  )
  if (result.error !== undefined) throw result.error
  return result
}

/** Those with something in them, and with names that an argument can hold: paths in hex. */
async function filesOf({ contents }: Patient, snapshot: Snapshot): Promise<string[]> {
  const entries = await readAll(contents, snapshot)
  return entries
    .filter(({ entry }) => entry.content.length > 0 && entry.kind === "file" && isText(path))
    .map(({ path }) => path)
}

function isText(path: string): boolean {
  return isUtf8(Buffer.from(path, "hex"))
}
