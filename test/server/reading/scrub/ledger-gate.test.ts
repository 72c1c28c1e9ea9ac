import { describe, expect, it } from "vitest"
import { LedgerGate } from "../../../../server/reading/scrub/ledger-gate.js"
import { StorageError } from "../../../../storage/index.js"

const damaged = new StorageError("unstable", "it is damaged", { facts: { ledger: "damaged" } })

describe("the gate to the ledger of scrubs", () => {
  it("lets the next one in when the one before has it open, and says who is alone", async () => {
    const gate = new LedgerGate()
    const seen: string[] = []
    let end: () => void = () => undefined
    let tellOpen: () => void = () => undefined
    const first = gate.enter(async ({ alone }, opened) => {
      seen.push(`first, alone: ${alone}`)
      tellOpen = opened
      await new Promise<void>((resolve) => (end = resolve))
    })
    const second = gate.enter(({ alone }) => {
      seen.push(`second, alone: ${alone}`)
      return Promise.resolve()
    })
    await new Promise(setImmediate)
    expect(seen).toEqual(["first, alone: true"])
    tellOpen()
    await second
    expect(seen).toEqual(["first, alone: true", "second, alone: false"])
    end()
    await first
    await gate.enter(({ alone }) => Promise.resolve(seen.push(`third, alone: ${alone}`)))
    expect(seen.at(-1)).toBe("third, alone: true")
  })

  it("says that it is damaged until somebody who was alone has opened it", async () => {
    const gate = new LedgerGate()
    const ways: boolean[] = []
    const fail = gate.enter(() => Promise.reject(damaged))
    await expect(fail).rejects.toBe(damaged)
    await expect(gate.enter(() => Promise.reject(new Error("before it was open")))).rejects.toThrow()
    for (let run = 0; run < 2; run++) {
      await gate.enter((how, opened) => {
        ways.push(how.damaged)
        opened()
        return Promise.resolve()
      })
    }
    expect(ways).toEqual([true, false])
  })
})
