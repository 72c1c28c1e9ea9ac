import { describe, expect, it } from "vitest"
import { guessClusters, guessCopies } from "../../../storage/survey/index.js"

function clusters(paths: Readonly<Record<string, "kopia" | "restic">>, namespaces: readonly string[] = []) {
  const found = guessClusters(
    Object.entries(paths).map(([path, engine]) => ({
      path,
      shared: engine === "kopia",
      namespaces: new Set(namespaces),
    })),
  )
  return found === undefined ? undefined : [...new Set(found.values())].sort()
}

describe("clusters are guessed", () => {
  it.each([
    ["from folders with a shared repository each", { "home/kopia": "kopia", "work/kopia": "kopia" }],
    ["from folders with a tree each", { "home/media/radarr": "restic", "work/media/radarr": "restic" }],
    ["below folders that all have in common", { "a/b/home/kopia": "kopia", "a/b/work/restic/x/y": "restic" }],
    ["of both engines", { "home/kopia": "kopia", "home/restic/a/b": "restic", "work/restic/a/b": "restic" }],
    [
      "with a volume that is called like a role",
      { "home/a/data": "restic", "home/a/b": "restic", "work/a/b": "restic" },
    ],
  ] as const)("%s", (_, paths) => {
    expect(clusters(paths)).toEqual(["home", "work"])
  })

  it("from the names of repositories that speak of clusters", () => {
    expect(clusters({ "cluster-a": "kopia", "cluster-b": "kopia" })).toEqual(["cluster-a", "cluster-b"])
  })

  it.each([
    ["there is one", { "home/kopia": "kopia", "home/restic/a/b": "restic" }],
    ["the folders are namespaces", { "media/radarr": "restic", "home/ha": "restic" }],
    [
      "the folders are namespaces, with a folder below each volume",
      { "media/radarr/restic": "restic", "home/ha/restic": "restic" },
    ],
    ["the folders say what they are for", { kopia: "kopia", "restic/a/b": "restic" }],
    ["one of the folders says what it is for", { "home/kopia": "kopia", "old/kopia": "kopia" }],
    ["the folders are the repositories themselves", { one: "kopia", two: "kopia" }],
    ["a name is none that a cluster can have", { "Home/kopia": "kopia", "work/kopia": "kopia" }],
    ["there is one repository", { "home/kopia": "kopia" }],
    ["it is the place itself", { "": "kopia" }],
  ] as const)("not where %s", (_, paths) => {
    expect(clusters(paths)).toBeUndefined()
  })

  it("not where a folder is called like a namespace that was seen", () => {
    expect(clusters({ "home/kopia": "kopia", "media/kopia": "kopia" }, ["media"])).toBeUndefined()
  })
})

describe("plain copies of volumes are guessed", () => {
  const copiesOf = (
    withFiles: readonly string[],
    copies: readonly string[] = [],
    namespaces: readonly string[] = [],
  ) =>
    guessCopies({ withFiles, copies }, new Set(namespaces)).copies.map(
      ({ path, confidence, volume }) => `${confidence} ${path} ${volume === undefined ? "-" : volume.pvc}`,
    )

  it("likely from what the rclone mover leaves, whatever its names", () => {
    expect(copiesOf([], ["rclone/media/plex", "X/Y"])).toEqual([
      "likely X/Y -",
      "likely rclone/media/plex plex",
    ])
  })

  it("possibly from namespaces that were seen, once for each volume", () => {
    const files = ["media/plex", "media/plex/deep/er", "a/media/sonarr/config", "photos/2024"]
    expect(copiesOf(files, [], ["media"])).toEqual([
      "possible a/media/sonarr sonarr",
      "possible media/plex plex",
    ])
  })

  it("possibly from a folder that says so", () => {
    expect(copiesOf(["rsync/home/paperless/files"])).toEqual(["possible rsync/home/paperless paperless"])
  })

  it("never from plain folders", () => {
    expect(copiesOf(["photos/2024", "media/plex", "rsync/home"])).toEqual([])
  })

  it("and of very many it is said that there are more", () => {
    const many = Array.from({ length: 1_500 }, (_, at) => `rsync/ns/v${at}`)
    const found = guessCopies({ withFiles: many, copies: [] }, new Set())
    expect({ copies: found.copies.length, more: found.more }).toEqual({ copies: 1_000, more: true })
  })
})
