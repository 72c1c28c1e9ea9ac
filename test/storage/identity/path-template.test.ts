import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  commonFolder,
  parsePathTemplate,
  parseVolumeKey,
  pathFor,
  type PathTemplateSpec,
  similarDirectories,
  volumeKey,
  volumesAt,
} from "../../../storage/identity/index.js"

const template = (path: string, namespaceOf?: PathTemplateSpec["namespaceOf"]) =>
  parsePathTemplate({ path, cluster: "c1", namespaceOf })

describe("where a volume's restic repository lies", () => {
  it.each([
    ["restic/{namespace}/{pvc}", "home/my.app", "restic/home/my.app"],
    ["{namespace}-{pvc}", "home/data", "home-data"],
    ["{cluster}/{namespace}/{app}", "home/data", "c1/home/data"],
    ["restic", "home/data", "restic"],
  ])("by %s, of %s, is %s", (path, volume, expected) => {
    expect(pathFor(template(path), parseVolumeKey(volume))).toBe(expected)
  })

  it("by the name alone needs a map, and is nowhere for another namespace's volume of that name", () => {
    const mapped = template("restic/{app}", { sonarr: "media" })
    expect(pathFor(mapped, parseVolumeKey("media/sonarr"))).toBe("restic/sonarr")
    expect(pathFor(mapped, parseVolumeKey("home/sonarr"))).toBeUndefined()
    expect(pathFor(mapped, parseVolumeKey("media/radarr"))).toBeUndefined()
    expect(volumesAt(mapped, "restic/sonarr").map(volumeKey)).toEqual(["media/sonarr"])
    expect(volumesAt(mapped, "restic/radarr")).toEqual([])
  })

  it.each([
    "",
    "/restic/{namespace}/{pvc}",
    "../{namespace}/{pvc}",
    "restic/../{namespace}/{pvc}",
    "./{namespace}/{pvc}",
    "restic//{namespace}/{pvc}",
    "restic/{namespace}/{pvc}/",
    "a\0/{namespace}/{pvc}",
    "a\\b/{namespace}/{pvc}",
    "restic/{namespace}",
    "restic/{pvc}",
    "restic/{name}",
  ])("cannot be %j", (path) => {
    expect(() => template(path)).toThrow(expect.objectContaining({ code: "invalid" }))
  })

  it("cannot be told by a map of names that are none", () => {
    expect(() => template("{pvc}", { "../x": "home" })).toThrow(expect.objectContaining({ code: "invalid" }))
    expect(() => template("{pvc}", { data: "Home" })).toThrow(expect.objectContaining({ code: "invalid" }))
  })

  it("never leaves the folder before its first placeholder, and leads back to the volume", () => {
    const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?$/)
    const pvc = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join("."))
    fc.assert(
      fc.property(
        label,
        pvc,
        fc.constantFrom("restic/{namespace}/{pvc}", "restic/{namespace}-{pvc}"),
        (ns, name, path) => {
          const volume = parseVolumeKey(`${ns}/${name}`)
          const at = pathFor(template(path), volume) ?? ""
          expect(at.startsWith("restic/")).toBe(true)
          expect(at.split("/")).not.toContain("..")
          expect(volumesAt(template(path), at)).toContainEqual(volume)
        },
      ),
    )
  })
})

describe("a directory that holds a repository", () => {
  it.each([
    ["restic/{namespace}/{pvc}", "restic/home/data", ["home/data"]],
    ["restic/{namespace}/{pvc}", "restic/home", []],
    ["restic/{namespace}/{pvc}", "restic/home/data/x", []],
    ["restic/{namespace}/{pvc}", "other/home/data", []],
    ["restic/{namespace}/{pvc}", "restic/Home/data", []],
    ["{namespace}-{pvc}", "a-b-c", ["a/b-c", "a-b/c"]],
    ["restic", "restic", []],
  ])("by %s, at %s, is of %j", (path, directory, expected) => {
    expect(volumesAt(template(path), directory).map(volumeKey)).toEqual(expected)
  })

  it("may be a volume's by another scheme than the declared one", () => {
    const held = ["restic/home/data", "restic/home-data", "restic/data", "restic/home/other"]
    expect(
      similarDirectories(template("restic/{namespace}/{pvc}"), parseVolumeKey("home/data"), held),
    ).toEqual(["restic/home-data", "restic/data"])
  })

  it("lies below the folder that all have in common", () => {
    expect(commonFolder(template("a/b/{namespace}/{pvc}"))).toBe("a/b")
    expect(commonFolder(template("{namespace}/{pvc}"))).toBe("")
    expect(commonFolder(template("kopia"))).toBe("kopia")
  })
})
