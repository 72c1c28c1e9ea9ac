import { describe, expect, it } from "vitest"
import {
  isExactly,
  isVolumeSnapshot,
  kopiaPick,
  parseIdentity,
  resticPick,
} from "../../../storage/identity/index.js"
import { parseTime } from "../../../storage/instant.js"
import type { Snapshot } from "../../../storage/repository.js"
import { expectedOf } from "../../support/fixtures.js"

interface Listed {
  id: string
  source: { userName: string; host: string; path: string }
  startTime: string
  incomplete?: string
}

const shared = (expectedOf("kopia/cluster-shared").snapshotList as Listed[]).map((entry) =>
  taken(entry.startTime, `${entry.source.userName}@${entry.source.host}:${entry.source.path}`, {
    id: entry.id,
    incomplete: entry.incomplete,
  }),
)

describe("what the Kopia mover would pick in a real repository", () => {
  it.each([
    ["radarr-backup@media:/data", undefined],
    ["zigbee2mqtt@home:/data", "checkpoint"],
    ["paperless@home:/data", "checkpoint"],
    ["immich@media:/data", "limit reached"],
  ])("of %s is the newest, whose incompleteness is %s", (text, incomplete) => {
    const { candidates, listed } = kopiaPick(shared, parseIdentity(text))
    const own = shared.filter(({ source }) => source.user === parseIdentity(text).user)
    expect(listed).toHaveLength(own.length)
    expect(candidates.map((candidate) => candidate.incomplete)).toContain(incomplete)
    expect(candidates[0]?.start).toBe(own.map(({ start }) => start).reduce((a, b) => (a > b ? a : b)))
  })

  it.each(["prometheus@monitoring:/data", "postgres-16@databases:/data", "my.app@home:/data"])(
    "of %s is nothing",
    (text) => {
      expect(kopiaPick(shared, parseIdentity(text)).candidates).toEqual([])
    },
  )
})

describe("the Kopia mover's pick", () => {
  const data = parseIdentity("data@home:/data")

  it("is of the path or of any of its parents, as kopia lists them", () => {
    const own = taken("2026-01-01T00:00:00Z", "data@home:/data")
    const root = taken("2026-03-01T00:00:00Z", "data@home:/")
    const below = taken("2026-04-01T00:00:00Z", "data@home:/data/a")
    const beside = taken("2026-04-01T00:00:00Z", "data@home:/database")
    const pick = kopiaPick([below, own, root, beside], data)
    expect(pick.listed).toEqual([own, root])
    expect(pick.candidates).toEqual([root])
    expect(isExactly(root, data)).toBe(false)
    expect(isExactly(own, data)).toBe(true)
  })

  it("knows every parent of a deep path", () => {
    const deep = parseIdentity("data@home:/var/lib/x")
    const listed = ["/", "/var", "/var/lib", "/var/lib/x"].map((path) =>
      taken("2026-01-01T00:00:00Z", `data@home:${path}`),
    )
    expect(kopiaPick(listed, deep).listed).toHaveLength(4)
  })

  it("is not another user's, another host's or another namespace's", () => {
    const others = ["data2@home:/data", "data@media:/data", "Data@home:/data"].map((text) =>
      taken("2026-01-01T00:00:00Z", text),
    )
    expect(kopiaPick(others, data).candidates).toEqual([])
  })

  it("is uncertain among those of one second, because the mover sorts times as text", () => {
    const earlier = taken("2026-01-01T00:00:00Z", "data@home:/data")
    const whole = taken("2026-01-02T00:00:00Z", "data@home:/data", { id: "whole" })
    const later = taken("2026-01-02T00:00:00.5Z", "data@home:/data", { id: "later", incomplete: "canceled" })
    const { candidates } = kopiaPick([later, earlier, whole], data)
    expect(candidates.map(({ id }) => id)).toEqual(["later", "whole"])
  })
})

describe("the restic mover's pick", () => {
  it("is the newest of /data, whatever its host", () => {
    const old = taken("2026-01-01T00:00:00Z", "@volsync:/data")
    const young = taken("2026-01-02T00:00:00Z", "@elsewhere:/data")
    expect(resticPick([young, old], "contents").candidates).toEqual([young])
  })

  it("may be one of another path, because it looks for /data anywhere in the line", () => {
    const right = taken("2026-01-01T00:00:00Z", "@volsync:/data")
    const wrong = taken("2026-01-02T00:00:00Z", "@volsync:/mnt/database")
    expect(resticPick([right, wrong], "contents").candidates).toEqual([wrong])
    expect(isVolumeSnapshot(right)).toBe(true)
    expect(isVolumeSnapshot(wrong)).toBe(false)
    expect(isVolumeSnapshot({ ...right, source: { ...right.source, paths: ["/data", "/etc"] } })).toBe(false)
  })

  it("may be one that only a tag brings into the line", () => {
    const tagged = { ...taken("2026-01-02T00:00:00Z", "@volsync:/etc"), tags: ["of/data"] }
    expect(resticPick([tagged], "contents").candidates).toEqual([tagged])
  })

  it("is not one whose line has no /data", () => {
    expect(resticPick([taken("2026-01-02T00:00:00Z", "@volsync:/etc")], "contents").candidates).toEqual([])
  })

  it("is uncertain among those of one second, which its list does not tell apart", () => {
    const two = [
      taken("2026-01-01T00:00:00.1Z", "@volsync:/data"),
      taken("2026-01-01T00:00:00.9Z", "@volsync:/data"),
    ]
    expect(resticPick(two, "contents").candidates).toHaveLength(2)
  })

  it("without the password is the newest file, of whatever path", () => {
    const old = taken("2026-01-01T00:00:00Z", "@:/")
    const young = taken("2026-01-02T00:00:00Z", "@:/")
    expect(resticPick([old, young], "names").candidates).toEqual([young])
  })
})

function taken(
  start: string,
  source: string,
  more: { id?: string; incomplete?: string | undefined } = {},
): Snapshot {
  const [, user = "", host = "", path = ""] = /^(.*)@(.*):(.*)$/.exec(source) ?? []
  return {
    id: more.id ?? source,
    source: { user, host, paths: [path] },
    start: parseTime(start).instant,
    end: undefined,
    incomplete: more.incomplete,
    root: undefined,
    bytes: undefined,
    files: undefined,
    failedFiles: 0,
    tags: [],
    pins: [],
    description: "",
  }
}
