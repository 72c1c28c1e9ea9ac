import { expect, it } from "vitest"
import { fixtureCopy } from "../../support/fixtures.js"
import { findProgram } from "../../support/programs.js"
import { passwordOf } from "../kopia/open.js"
import { kopiaCampaign } from "./kopia-campaign.js"

const program = findProgram("kopia")

it.skipIf(program === undefined)(
  "what is named for every pack and index is what the real kopia fails to restore",
  { timeout: 120_000 },
  async () => {
    const name = "kopia/algo-aes-blake3-256"
    const directory = fixtureCopy(name)
    const outcome = await kopiaCampaign({
      program: program ?? "",
      directory,
      password: passwordOf(name),
      snapshots: 1,
    })
    expect(outcome.damages).toBe(10)
    expect(outcome.gone).toBeGreaterThan(1)
    expect(outcome.lost).toBeGreaterThan(3)
  },
)
