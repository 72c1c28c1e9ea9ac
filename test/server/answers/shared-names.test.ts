import { afterEach, describe, expect, it } from "vitest"
import type { Chain } from "../../support/answers.js"
import { SyntheticKopia } from "../../support/synthetic-kopia.js"
import { madeUpDocument, Scene } from "./scene.js"

// Backups of `my.app` lie under `myapp`, because its mover drops the dot; nothing in them says so.

const DAY = 86_400_000

const scenes: Scene[] = []
afterEach(async () => {
  for (const scene of scenes.splice(0)) await scene.stop()
})

async function started(user: string, volumes: Readonly<Record<string, string>> = {}) {
  const scene = new Scene({})
  scenes.push(scene)
  const identities = [{ user, host: "home", path: "/data" }]
  new SyntheticKopia(scene.path("kopia"), { password: "pw", snapshots: 2, identities })
  const chain = await scene.start()
  await chain.apply(madeUpDocument(scene.store, { volumes }))
  return { scene, chain }
}

describe("an identity that volumes of several names may have written", () => {
  it("is the plain name's until another one is met: it is what that volume's mover would restore", async () => {
    const { chain } = await started("myapp")
    expect(await chain.verdict("home/myapp")).toBe("restore")
    expect(await chain.verdict("home/my.app")).toBe("shared_identity")
  })

  it("is nobody's once a dotted name was asked for, also a year and a restart later", async () => {
    const { scene, chain } = await started("myapp")
    expect(await chain.verdict("home/my.app")).toBe("shared_identity")
    expect(await chain.verdict("home/myapp")).toBe("shared_identity")
    chain.ledger.asked.flush(scene.clock.now().wall + 400 * DAY)
    const again: Chain = await scene.start()
    expect(await again.verdict("home/myapp")).toBe("shared_identity")
  })

  it("is the one's that an administrator gave it to, and no other's, whoever was met", async () => {
    const { chain } = await started("myapp", { "home/my.app": "myapp@home:/data" })
    expect(await chain.verdict("home/myapp")).toBe("shared_identity")
    expect(await chain.verdict("home/my.app")).toBe("restore")
  })

  it("makes no volume fresh, whichever of the names is asked for", async () => {
    const { chain } = await started("myapp")
    for (const name of ["myapp", "my.app", "m.yapp", "my.a.pp"]) {
      expect(await chain.verdict(`home/${name}`), name).not.toBe("fresh")
    }
  })

  it("is nobody's when it has the very length at which longer names are cut", async () => {
    const name = `${"p".repeat(48)}-1`
    const { chain } = await started(name)
    expect(await chain.verdict(`home/${name}`)).toBe("shared_identity")
    expect(await chain.verdict(`home/${name}0`)).toBe("shared_identity")
    const mapped = await started(name, { [`home/${name}`]: `${name}@home:/data` })
    expect(await mapped.chain.verdict(`home/${name}`)).toBe("restore")
  })
})
