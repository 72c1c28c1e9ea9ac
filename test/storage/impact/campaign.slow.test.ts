import { describe, expect, it } from "vitest"
import { expectedOf, fixtureCopy } from "../../support/fixtures.js"
import { findProgram } from "../../support/programs.js"
import { passwordOf } from "../kopia/open.js"
import { kopiaCampaign } from "./kopia-campaign.js"
import { resticCampaign } from "./restic-campaign.js"

const program = findProgram("kopia")
const MINUTES = 60_000

describe.skipIf(program === undefined)(
  "what is named for every pack and index is what the real kopia fails to restore, of",
  () => {
    it.each([
      ["kopia/format-1", 3],
      ["kopia/format-3", 3],
      ["kopia/full-tree", 2],
      ["kopia/zero-files", 2],
      ["kopia/compression-format-1", 2],
      ["kopia/deleted-maintained", 3],
      ["kopia/epochs", 1],
      ["kopia/ecc-20", 2],
      ["kopia/upgraded", 2],
    ] as const)("%s", { timeout: 15 * MINUTES }, async (name, snapshots) => {
      const directory = fixtureCopy(name)
      const outcome = await kopiaCampaign({
        program: program ?? "",
        directory,
        password: passwordOf(name),
        snapshots,
      })
      expect(outcome.lost).toBeGreaterThan(0)
    })
  },
)

describe("what is named for every pack and index is what the real restic fails to restore, of", () => {
  it.each([
    "restic/v1-by-0.14",
    "restic/v2-by-0.18",
    "restic/compression-max",
    "restic/forget-prune",
    "restic/migrated-v1-to-v2",
    "restic/rebuilt-index-by-0.14",
    "restic/rewritten-tagged",
    "restic/zero-files",
  ])("%s", { timeout: 15 * MINUTES }, async (name) => {
    const outcome = await resticCampaign(fixtureCopy(name), expectedOf(name).password as string)
    expect(outcome.lost).toBeGreaterThan(0)
  })
})
