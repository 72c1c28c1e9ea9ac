import { afterEach, describe, expect, it } from "vitest"
import { harmless, kopiaFaults } from "./kopia-faults.js"
import { ABSENT, kopiaDocument, kopiaScene, PRESENT, type Scene } from "./scene.js"

let scene: Scene | undefined
afterEach(async () => {
  await scene?.stop()
  scene = undefined
})

async function healthy(): Promise<Scene> {
  scene = kopiaScene()
  const chain = await scene.start()
  await chain.apply(kopiaDocument(scene.store))
  expect([await chain.verdict(ABSENT), await chain.verdict(PRESENT)]).toEqual(["fresh", "restore"])
  return scene
}

describe("a new volume is not said to be fresh when", () => {
  for (const { what, inject, told } of kopiaFaults) {
    it(what, async () => {
      const scene = await healthy()
      await inject(scene)
      expect(await scene.chain.verdict(ABSENT)).toBe(told)
      expect(await scene.chain.verdict(PRESENT)).not.toBe("fresh")
      const again = await scene.start()
      expect(await again.verdict(ABSENT)).toBe(told)
      expect(await again.verdict(PRESENT)).not.toBe("fresh")
    })
  }
})

describe("a new volume stays fresh, and the other one restored, when", () => {
  for (const { what, because, inject } of harmless) {
    it(`${what}, because ${because}`, async () => {
      const scene = await healthy()
      await inject(scene)
      expect([await scene.chain.verdict(ABSENT), await scene.chain.verdict(PRESENT)]).toEqual([
        "fresh",
        "restore",
      ])
      const again = await scene.start()
      expect([await again.verdict(ABSENT), await again.verdict(PRESENT)]).toEqual(["fresh", "restore"])
    })
  }
})
