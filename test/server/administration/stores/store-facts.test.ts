import { execFileSync } from "node:child_process"
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { type CheckJson, type StoreJson, storesJson } from "../../../../server/http/contract/admin.js"
import { Chain } from "../../../support/answers.js"
import { scratch } from "../../../support/fixtures.js"
import { btrfsImage, ext4Image, mountImage, unmount } from "../../../support/mounts.js"

const chains: Chain[] = []
afterEach(async () => {
  for (const chain of chains.splice(0)) await chain.stop()
})

async function withStore(image: string, options = "rw,noatime"): Promise<{ chain: Chain; path: string }> {
  const path = join(scratch(), "store")
  mountImage(image, path, options)
  const chain = new Chain({ state: scratch() })
  chains.push(chain)
  await chain.apply({ stores: [{ name: "nas", path }] })
  return { chain, path }
}

async function row(chain: Chain): Promise<StoreJson> {
  const { stores } = storesJson.parse(await chain.administration.stores())
  const [store] = stores
  if (store === undefined) throw new Error("no store is shown")
  return store
}

async function checks(chain: Chain): Promise<CheckJson[]> {
  const { checks } = await chain.administration.doctor()
  return checks.filter(({ name }) => name.startsWith("store nas"))
}

describe("the facts of a store", () => {
  it("are shown with their time, and what is only good to know is no check", async () => {
    const { chain, path } = await withStore(ext4Image())
    const before = Date.now()
    const { facts, advice } = await row(chain)
    expect(facts).toMatchObject({
      type: "ext4",
      mountPoint: path,
      checksums: "metadata",
      sync: { kind: "disk" },
    })
    expect(facts?.inodes?.free).toBeGreaterThan(0)
    expect(Date.parse(facts?.readAt ?? "")).toBeGreaterThanOrEqual(before)
    expect(advice.map(({ code }) => code)).toEqual(["no_data_checksums"])
    expect(await checks(chain)).toMatchObject([{ name: "store nas", status: "ok" }])
  })

  it("include what only lsattr tells, and doctor warns", async () => {
    const { chain, path } = await withStore(btrfsImage())
    expect(await row(chain)).toMatchObject({ facts: { checksums: "data", inodes: null }, advice: [] })
    execFileSync("chattr", ["+C", path])
    expect(await row(chain)).toMatchObject({
      facts: { checksums: "none" },
      advice: [{ code: "checksums_off", severity: "warn" }],
    })
    expect(await checks(chain)).toContainEqual(
      expect.objectContaining({ name: "store nas, checksums off", status: "warn" }),
    )
  })

  it("are asked of the repositories' directories too", async () => {
    const { chain, path } = await withStore(btrfsImage())
    mkdirSync(join(path, "kopia"))
    execFileSync("chattr", ["+C", join(path, "kopia")])
    expect((await row(chain)).facts?.checksums).toBe("data")
    await chain.apply({
      stores: [{ name: "nas", path }],
      clusters: [{ name: "home", networks: ["10.0.0.0/8"] }],
      repositories: [
        {
          name: "shared",
          cluster: "home",
          engine: "kopia",
          store: "nas",
          path: "kopia",
          password: { value: "x" },
          conventions: ["{pvc}-backup@{namespace}:/data"],
          decides: "restore",
        },
      ],
    })
    expect((await row(chain)).facts?.checksums).toBe("none")
  })

  it("are unknown while something else is in its place, and not those of the other", async () => {
    const { chain, path } = await withStore(ext4Image())
    unmount(path)
    mountImage(btrfsImage(), path)
    expect(await row(chain)).toMatchObject({
      state: "fenced",
      facts: null,
      totalBytes: null,
      freeBytes: null,
    })
  })
})
