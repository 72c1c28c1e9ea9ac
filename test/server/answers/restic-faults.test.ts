import { afterEach, describe, expect, it } from "vitest"
import type { Fault } from "./fault.js"
import { backedUpFaults, firstBackupFaults, initialisedFaults } from "./restic-faults.js"
import { resticDocument, resticScene, type Scene } from "./scene.js"

const BACKED_UP = "media/radarr"
const INITIALISED = "home/initialised-only"
const NEW = "media/brand-new"

let scene: Scene | undefined
afterEach(async () => {
  await scene?.stop()
  scene = undefined
})

async function healthy(): Promise<Scene> {
  scene = resticScene()
  const chain = await scene.start()
  await chain.apply(resticDocument(scene.store))
  const verdicts = [
    await chain.verdict(BACKED_UP),
    await chain.verdict(INITIALISED),
    await chain.verdict(NEW),
  ]
  expect(verdicts).toEqual(["restore", "fresh", "fresh"])
  return scene
}

function each(volume: string, faults: readonly Fault[]): void {
  for (const { what, inject, told } of faults) {
    it(what, async () => {
      const scene = await healthy()
      await inject(scene)
      await scene.chain.lookAgain()
      const running = await scene.chain.verdict(volume)
      const again = await scene.start()
      expect([running, await again.verdict(volume)]).toEqual([told, told])
      expect(await again.verdict(BACKED_UP)).not.toBe("fresh")
    })
  }
}

function newestSnapshot(scene: Scene): string {
  const evidence = scene.chain.remembered(BACKED_UP)
  if (evidence.decision !== "restore") throw new Error("nothing is restored")
  return scene.path(`restic/media/radarr/snapshots/${evidence.snapshot.id}`)
}

describe("a volume whose repository holds snapshots is not fresh when", () => {
  each(BACKED_UP, backedUpFaults(newestSnapshot))
})

describe("a volume whose repository is empty is not fresh when", () => {
  each(INITIALISED, initialisedFaults)
})

describe("a volume whose repository does not exist yet is not fresh when", () => {
  each(NEW, firstBackupFaults)
})
