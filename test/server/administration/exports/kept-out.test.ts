import { describe, expect, it } from "vitest"
import { KeptOut, ROLL_BACK } from "../../../../server/administration/exports/kept-out.js"

const because = (code: string) => ({ code, message: code, hint: null })

describe("clients are kept out of a directory", () => {
  it("and of what is in it; with `around` also of what it lies in; never of what is beside it", () => {
    const keptOut = new KeptOut()
    keptOut.add("/tank/kopia", because("being_created"), "within")
    expect(keptOut.problemAt("/tank/kopia")?.code).toBe("being_created")
    expect(keptOut.problemAt("/tank/kopia/p")?.code).toBe("being_created")
    expect(keptOut.problemAt("/tank")).toBeUndefined()
    expect(keptOut.problemAt("/tank/kopia2")).toBeUndefined()
    keptOut.add("/tank/restic/media", because(ROLL_BACK), "around")
    expect(keptOut.problemAt("/tank")?.code).toBe(ROLL_BACK)
    expect(keptOut.problemAt("/tank/restic")?.code).toBe(ROLL_BACK)
    expect(keptOut.problemAt("/tank/rclone")).toBeUndefined()
  })

  it("until each who asked for that lets it go: nobody lets another's go", () => {
    const keptOut = new KeptOut()
    keptOut.add("/tank/kopia", because("being_created"), "within")
    keptOut.add("/tank/kopia", because(ROLL_BACK), "around")
    expect(keptOut.within("/tank", ROLL_BACK)).toEqual(["/tank/kopia"])
    for (const directory of keptOut.within("/tank", ROLL_BACK)) keptOut.remove(directory, ROLL_BACK)
    expect(keptOut.problemAt("/tank/kopia")?.code).toBe("being_created")
    expect(keptOut.problemAt("/tank")).toBeUndefined()
    keptOut.remove("/tank/kopia", "being_created")
    expect(keptOut.problemAt("/tank/kopia")).toBeUndefined()
  })
})
