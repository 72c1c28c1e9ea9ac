import { afterEach, describe, expect, it } from "vitest"
import { kopiaFaults } from "./kopia-faults.js"
import { ABSENT, lentOptions, Scene } from "./scene.js"

const KNOWN = "media/radarr"

const scenes: Scene[] = []
afterEach(async () => {
  for (const scene of scenes.splice(0)) await scene.stop()
})

describe("with pvc-plumber's variables no volume is fresh when", () => {
  // Guards, stores and declared conventions are not part of drop-in mode.
  const faults = kopiaFaults.filter(({ what }) => !/guard|store|convention/.test(what))

  for (const { what, inject } of faults) {
    it(what, async () => {
      const scene = new Scene({ "kopia/home": "kopia/cluster-shared" })
      scenes.push(scene)
      const chain = await scene.start(lentOptions(scene))
      const verdicts = async (on: typeof chain) => [
        await on.verdict(ABSENT, "cluster"),
        await on.verdict(KNOWN, "cluster"),
      ]
      expect(await verdicts(chain)).toEqual(["fresh", "restore"])
      await inject(scene)
      await chain.lookAgain()
      expect(await verdicts(chain)).not.toContain("fresh")
      expect(await verdicts(await scene.start(lentOptions(scene)))).not.toContain("fresh")
    })
  }
})
