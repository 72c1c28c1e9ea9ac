import { describe, expect, it } from "vitest"
import { DirectoryTree } from "../../../storage/blobs/index.js"
import { openRepository, Secret } from "../../../storage/index.js"
import { fixture } from "../../support/fixtures.js"
import { readAll, unreadable } from "../../support/restored.js"
import { sharedKeys } from "../kopia/open.js"
import { cases, sceneOf } from "./damage-cases.js"
import { passwordOf, pathsOf, verified } from "./verified.js"

const names = ["restic/v2-by-0.18", "restic/v1-by-0.14", "kopia/format-3", "kopia/format-1"]

async function opened(directory: string, password: string) {
  const files = new DirectoryTree(directory)
  return openRepository({ files, password: new Secret(password), keys: sharedKeys })
}

const hex = (path: string): string => Buffer.from(path, "latin1").toString("hex")

describe.each(names)("of %s, with", (name) => {
  const password = passwordOf(name)

  it.each(cases)(
    "$what, the level `$level` names every file that cannot be read, and no other",
    async ({ level, damage }) => {
      const whole = await opened(fixture(name), password)
      const wholeContents = await whole.openContents()
      const scene = await sceneOf(name)
      damage(scene)
      const result = await verified(scene.directory, password, { level })
      expect(result.ok).toBe(false)
      expect(result.bad.length).toBeGreaterThan(0)
      expect(result.counts.rounds).toBeLessThanOrEqual(2)
      if (result.problem !== undefined) return
      const contents = await (await opened(scene.directory, password)).openContents()
      for (const one of result.snapshots) {
        const entries = await readAll(wholeContents, one.snapshot)
        const paths = pathsOf(one).map(hex)
        const named = entries
          .filter(({ entry }) => entry.kind === "file")
          .map(({ path }) => path)
          .filter((file) =>
            paths.some((path) => path === "" || file === path || file.startsWith(`${path}2f`)),
          )
        const lostBelow = new Set(named.filter((file) => !paths.includes(file)))
        const failing = [...(await unreadable(contents, entries)).keys()]
        // A file below a directory that is lost cannot be found, though its bytes may be there.
        expect(named.filter((file) => !lostBelow.has(file) || failing.includes(file)).sort()).toEqual(
          failing.sort(),
        )
        expect(one.ok).toBe(one.damaged.length === 0)
        if (!one.ok) expect(one.reasons.length).toBeGreaterThan(0)
      }
    },
  )
})
