import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { FencedPlace } from "../../../server/reading/fenced-place.js"
import { takeFence, takeStoreFence } from "../../../storage/disk/index.js"
import { StorageError } from "../../../storage/index.js"
import { expectedOf, fixture, scratch } from "../../support/fixtures.js"
import { ext4Image, mountImage, unmount } from "../../support/mounts.js"

describe("a repository that a run reads", () => {
  let image: string
  let store: string
  let place: FencedPlace

  beforeEach(async () => {
    image = ext4Image(32)
    store = join(scratch(), "store")
    mountImage(image, store)
    execFileSync("cp", ["-a", fixture("restic/compression-max"), join(store, "plex")])
    const record = takeStoreFence(store, { sentinel: true })
    place = new FencedPlace({
      place: "tank:plex",
      directory: join(store, "plex"),
      engine: "restic",
      password: String(expectedOf("restic/compression-max").password),
      fences: [{ path: store, record, store: "tank" }],
    })
    await (await place.open()).list()
  })

  afterEach(() => {
    place.close()
  })

  it("is the same as long as its filesystem stays", () => {
    place.assertSame()
    const fault = new Error("a fault")
    expect(place.reasonOf(fault)).toBe(fault)
  })

  it("that is gone from its store is missing", () => {
    const fences = [{ path: store, record: takeFence(store), store: "tank" }]
    const gone = {
      place: "tank:gone",
      directory: join(store, "gone"),
      engine: "restic",
      password: "p",
      fences,
    } as const
    expect(() => new FencedPlace(gone)).toThrow(expect.objectContaining({ code: "missing" }) as Error)
  })

  it("explains every error by a filesystem that went", () => {
    unmount(store, "by force")
    expect(thrown()).toMatchObject({ code: "missing", facts: { code: "not_mounted" } })
    expect(place.reasonOf(new Error("ENOENT"))).toBeInstanceOf(StorageError)
  })

  it("is not believed after its filesystem went and came back", () => {
    unmount(store, "by force")
    mountImage(image, store)
    expect(thrown()).toMatchObject({ code: "missing" })
    expect(String(thrown())).toContain("mounted anew")
  })

  function thrown(): unknown {
    try {
      place.assertSame()
    } catch (error) {
      return error
    }
    return undefined
  }
})
