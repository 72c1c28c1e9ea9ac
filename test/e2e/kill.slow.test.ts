import { describe, it } from "vitest"
import { killRounds } from "./kill-rounds.js"

describe("a daemon that is killed a hundred times", { timeout: 600_000 }, () => {
  it("opens its state each time with pins and ledger whole, and never says fresh where restore was", async () => {
    await killRounds(100)
  })
})
