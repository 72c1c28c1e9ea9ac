import { expect, it } from "vitest"
import { fixtureCopy } from "../../support/fixtures.js"
import { resticCampaign } from "./restic-campaign.js"

it(
  "what is named for every pack and index is what the real restic fails to restore",
  { timeout: 120_000 },
  async () => {
    const { lost, damages } = await resticCampaign(fixtureCopy("restic/two-keys"), "first password")
    expect(damages).toBe(6)
    expect(lost).toBeGreaterThan(8)
  },
)
