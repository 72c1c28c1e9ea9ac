import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  parsePathTemplate,
  parseVolumeKey,
  pathFor,
  pathsMeet,
  volumeKey,
  volumesAt,
} from "../../../storage/identity/index.js"
import { guessPathTemplates, type TemplateEvidence } from "../../../storage/survey/index.js"

const nothing: TemplateEvidence = {
  namespaces: new Set(),
  namespacesOf: new Map(),
  namespace: undefined,
  taken: [],
}

function guess(directories: readonly string[], evidence: Partial<TemplateEvidence> = {}) {
  const { templates, singles, leftOut } = guessPathTemplates(directories, { ...nothing, ...evidence })
  return {
    templates: templates.map(({ path }) => path),
    maps: templates.flatMap(({ namespaceOf }) => Object.entries(namespaceOf)),
    singles,
    leftOut: leftOut.map(({ path }) => path),
  }
}

const fleet = ["media/radarr", "media/sonarr", "home/home-assistant"]

describe("the layout of restic repositories is guessed", () => {
  it.each([
    ["a folder for each namespace", fleet, ["{namespace}/{pvc}"]],
    ["the same deeper", fleet.map((path) => `backups/restic/${path}`), ["backups/restic/{namespace}/{pvc}"]],
    ["a folder below each volume's", fleet.map((path) => `${path}/restic`), ["{namespace}/{pvc}/restic"]],
    ["a role between the two", fleet.map((path) => path.replace("/", "/pvc/")), ["{namespace}/pvc/{pvc}"]],
    ["both names joined by what no name holds", ["media_radarr", "home_my.app"], ["{namespace}_{pvc}"]],
    [
      "two layouts in one tree",
      [...fleet.map((path) => `new/${path}`), ...fleet.map((path) => `old/restic/${path}`)],
      ["new/{namespace}/{pvc}", "old/restic/{namespace}/{pvc}"],
    ],
    [
      "a namespace that is called like a role, beside others",
      ["backup/minio", "media/radarr"],
      ["{namespace}/{pvc}"],
    ],
    [
      "a volume that is called like a role",
      ["home/data", "media/radarr", "media/data"],
      ["{namespace}/{pvc}"],
    ],
  ])("%s", (_, directories, templates) => {
    expect(guess(directories)).toEqual({ templates, maps: [], singles: [], leftOut: [] })
  })

  it("with a doubt where there is one namespace only", () => {
    const [template] = guessPathTemplates(["media/radarr", "media/sonarr"], nothing).templates
    expect(template).toMatchObject({
      path: "{namespace}/{pvc}",
      doubt: expect.stringContaining("media") as string,
    })
    const known = guessPathTemplates(["media/radarr"], { ...nothing, namespaces: new Set(["media"]) })
    expect(known.templates[0]?.doubt).toBeUndefined()
  })

  it("by the PVC alone only where something else says its namespace", () => {
    const alone = ["restic/radarr", "restic/sonarr", "restic/plex"]
    expect(guess(alone)).toMatchObject({ templates: [], singles: alone })
    const namespacesOf = new Map([
      ["radarr", new Set(["media"])],
      ["plex", new Set(["media", "home"])],
    ])
    // One that is not known would be taken for a volume without backups, so that nothing is guessed then.
    expect(guess(alone, { namespacesOf })).toMatchObject({ templates: [], singles: alone })
    expect(guess(["restic/radarr", "restic/Not a PVC"], { namespacesOf })).toEqual({
      templates: ["restic/{pvc}"],
      maps: [["radarr", "media"]],
      singles: [],
      leftOut: ["restic/Not a PVC"],
    })
    expect(guess(alone, { namespace: "media" })).toMatchObject({
      templates: ["restic/{pvc}"],
      maps: [
        ["radarr", "media"],
        ["sonarr", "media"],
        ["plex", "media"],
      ],
      singles: [],
    })
  })

  it("never with a folder for a namespace that only says what it is for", () => {
    const alone = ["backups/radarr", "backups/sonarr"]
    expect(guess(alone)).toMatchObject({ templates: [], singles: alone })
    expect(guess(alone, { namespaces: new Set(["backups"]) })).toMatchObject({
      templates: ["{namespace}/{pvc}"],
    })
    expect(guess(["restic/radarr", "kopia/sonarr"])).toMatchObject({ templates: [] })
  })

  it("with names joined by a dash only where the namespaces are known", () => {
    const joined = ["restic/media-radarr", "restic/home-home-assistant"]
    expect(guess(joined)).toMatchObject({ templates: [], singles: joined })
    const namespaces = new Set(["media", "home"])
    expect(guess(joined, { namespaces }).templates).toEqual(["restic/{namespace}-{pvc}"])
    expect(guess([...joined, "restic/other"], { namespaces }).templates).toEqual([])
  })

  it("for each namespace where another repository would be taken for one of the layout", () => {
    expect(guess(fleet, { taken: ["kopia"] })).toEqual({
      templates: ["media/{pvc}", "home/{pvc}"],
      maps: [
        ["radarr", "media"],
        ["sonarr", "media"],
        ["home-assistant", "home"],
      ],
      singles: [],
      leftOut: [],
    })
  })

  it("and what a document cannot hold is left out", () => {
    const odd = ["restic/{x}/y", "restic/a\\b/c", "restic/li\nne/x", "restic/bi\u202edi/x"]
    expect(guess([...fleet.map((path) => `restic/${path}`), "restic/strays", ...odd])).toMatchObject({
      templates: ["restic/{namespace}/{pvc}"],
      singles: [],
      leftOut: [...odd, "restic/strays"],
    })
  })

  it("and a repository at the place itself is a single one", () => {
    expect(guess([""])).toMatchObject({ singles: [""] })
  })
})

const label = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}[a-z0-9]$/)
const pvc = fc.array(label, { minLength: 1, maxLength: 2 }).map((labels) => labels.join("."))
const anySegment = fc.oneof(
  label,
  pvc,
  fc.constantFrom("restic", "kopia", "backups", "data", "{a}", "a_b", "X", "ns_x"),
)

describe("whatever the tree", () => {
  it("every repository is in one place of the guess, and explained by what claims to", () => {
    const tree = fc.uniqueArray(
      fc.array(anySegment, { minLength: 1, maxLength: 5 }).map((segments) => segments.join("/")),
      { maxLength: 30 },
    )
    fc.assert(
      fc.property(tree, fc.option(label, { nil: undefined }), (all, namespace) => {
        // The walk goes into no repository, so none lies in another.
        const directories = all.filter(
          (path) => !all.some((other) => other !== path && path.startsWith(`${other}/`)),
        )
        const taken = directories.slice(0, 2)
        const found = guessPathTemplates(directories.slice(2), { ...nothing, namespace, taken })
        const listed = [
          ...found.templates.flatMap((template) => template.directories),
          ...found.singles,
          ...found.leftOut.map(({ path }) => path),
        ]
        expect(listed.sort()).toEqual(directories.slice(2).sort())
        for (const { path, namespaceOf, directories: explained } of found.templates) {
          const template = parsePathTemplate({ path, cluster: "c", namespaceOf })
          for (const directory of explained) expect(volumesAt(template, directory)).not.toEqual([])
        }
        const places = [...found.templates.map(({ path }) => path), ...found.singles]
        for (const [at, place] of places.entries())
          for (const other of places.slice(at + 1))
            expect([place, other, pathsMeet(place, other)]).toEqual([place, other, false])
      }),
      { numRuns: 500 },
    )
  })

  it("a layout of volumes in several namespaces is found again, each volume at its place", () => {
    const layouts = fc.constantFrom(
      "{namespace}/{pvc}",
      "restic/{namespace}/{pvc}",
      "k8s/backups/restic/{namespace}/{pvc}",
      "{namespace}/{pvc}/restic",
      "nas/{namespace}/{pvc}/repository",
      "volsync/{namespace}_{pvc}",
    )
    const plain = label.filter(
      (name) => !/^(?:data|old|new|tmp|test|temp|sync|copy|repo|store|share|backup)s?$/.test(name),
    )
    const volumes = fc
      .uniqueArray(fc.tuple(plain, pvc), {
        minLength: 2,
        maxLength: 20,
        selector: ([ns, name]) => `${ns}/${name}`,
      })
      .filter(
        (pairs) =>
          new Set(pairs.map(([ns]) => ns)).size > 1 && new Set(pairs.map(([, name]) => name)).size > 1,
      )
    fc.assert(
      fc.property(layouts, volumes, (path, pairs) => {
        const template = parsePathTemplate({ path, cluster: "c" })
        const keys = pairs.map(([ns, name]) => `${ns}/${name}`)
        const directories = keys.map((key) => pathFor(template, parseVolumeKey(key)) ?? "")
        const found = guessPathTemplates(directories, nothing)
        expect(found.templates.map((guessed) => guessed.path)).toEqual([path])
        const back = directories.flatMap((directory) => volumesAt(template, directory).map(volumeKey))
        expect(back).toEqual(keys)
      }),
      { numRuns: 300 },
    )
  })
})
