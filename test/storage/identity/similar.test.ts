import { describe, expect, it } from "vitest"
import {
  type ClaimsSpec,
  type ConventionSpec,
  explain,
  formatIdentity,
  parseClaims,
  parseConvention,
  parseIdentity,
  parseVolumeKey,
  SourceIndex,
  volumeKey,
} from "../../../storage/identity/index.js"
import { expectedOf } from "../../support/fixtures.js"

const BACKUP = "{pvc}-backup@{namespace}:/data"
const PLAIN = "{pvc}@{namespace}:/data"

function naming(convention: ConventionSpec, claims: ClaimsSpec = {}, ...more: ConventionSpec[]) {
  const [first, ...rest] = [convention, ...more].map((spec) => parseConvention(spec))
  if (first === undefined) throw new Error("no convention")
  return { cluster: "c1", conventions: [first, ...rest] as const, claims: parseClaims(claims) }
}

function similar(volume: string, held: string[], by = naming(BACKUP), known: string[] = []): string[] {
  const index = new SourceIndex(held.map(parseIdentity), by)
  return index
    .similarTo(parseVolumeKey(volume), (key) => known.includes(key))
    .map(({ identity }) => formatIdentity(identity))
}

describe("an identity is similar to a volume's", () => {
  it.each([
    ["the same name, another path", "data-backup@home:/var/lib/data"],
    ["its bare name", "data@home:/data"],
    ["its bare name at an unknown host", "data@nas:/data"],
    ["a name that contains it", "my-data-volume@home:/data"],
    ["the same namespace and another path", "postgres@home:/var/lib/postgresql"],
    ["an identity of the mover's first development builds", "source@home-data:/data"],
    ["another of their schemes", "data-home@home:/data"],
    ["a mover that could not set its identity", "root@volsync-src-data-backup-7dk2x:/data"],
    ["the same in capitals", "DATA@home:/data"],
  ])("when it is %s", (_, identity) => {
    expect(similar("home/data", [identity])).toEqual([identity])
  })

  it("when it is its sanitised name", () => {
    expect(similar("home/my.app", ["myapp@home:/data"])).toEqual(["myapp@home:/data"])
  })

  it("when a convention that is too plain gives it to a volume that nobody ever met", () => {
    const held = [
      "data-backup@home:/data",
      "data-nfs@home:/data",
      "grafana-data@home:/data",
      "data-backup@media:/data",
    ]
    expect(similar("home/data", held, naming(PLAIN))).toEqual([
      "data-backup@home:/data",
      "data-nfs@home:/data",
    ])
    expect(similar("home/data", held, naming(PLAIN), ["home/data-backup", "home/data-nfs"])).toEqual([])
  })

  it("when only the volume's name without its dots explains it, and nobody ever met that one", () => {
    const kept = naming({ written: PLAIN, verbatim: true })
    expect(similar("home/my.app", ["myapp@home:/data"], kept)).toEqual(["myapp@home:/data"])
    expect(similar("home/my.app", ["myapp@home:/data"], kept, ["home/myapp"])).toEqual([])
  })
})

describe("an identity is not similar to a volume's", () => {
  it.each([
    ["it is the volume's own", "data-backup@home:/data"],
    ["a convention gives it to another volume", "grafana-data-backup@home:/data"],
    ["it is the same name in another namespace", "data-backup@media:/data"],
    ["it is somebody's workstation", "anna@laptop:/home/anna"],
    ["another volume's name with another path explains it", "postgres-backup@home:/var/lib/postgresql"],
  ])("when %s", (_, identity) => {
    expect(similar("home/data", [identity])).toEqual([])
  })

  it("when it is one of its earlier names: that is more than similar", () => {
    expect(similar("home/data", ["data@home:/data"], naming(BACKUP, {}, PLAIN))).toEqual([])
  })

  it("once an administrator mapped it to a volume or dismissed it", () => {
    const mapped = naming(BACKUP, { volumes: { "home/other": "data@home:/data" } })
    const dismissed = naming(BACKUP, { dismissed: ["data@home:/data"] })
    expect(similar("home/data", ["data@home:/data"], mapped)).toEqual([])
    expect(similar("home/data", ["data@home:/data"], dismissed)).toEqual([])
    const plain = naming(PLAIN, { dismissed: ["data-backup@home:/data"] })
    expect(similar("home/data", ["data-backup@home:/data"], plain)).toEqual([])
  })
})

describe("a convention explains an identity", () => {
  const volumes = (text: string, by: ReturnType<typeof naming>) =>
    explain(parseIdentity(text), by).map(({ volume, cut }) => volumeKey(volume) + (cut ? "…" : ""))

  it.each([
    ["data-backup@home:/data", BACKUP, ["home/data"]],
    ["data-backup-backup@home:/data", BACKUP, ["home/data-backup"]],
    ["data@home:/data", BACKUP, []],
    ["-backup@home:/data", BACKUP, []],
    ["data-backup@home:/", BACKUP, []],
    ["data-backup@home.c1:/data", BACKUP, []],
    ["data@home.c1:/pvc/data", "{pvc}@{namespace}.{cluster}:/pvc/{pvc}", ["home/data"]],
    ["data@home.c2:/pvc/data", "{pvc}@{namespace}.{cluster}:/pvc/{pvc}", []],
    ["data@home.c1:/pvc/other", "{pvc}@{namespace}.{cluster}:/pvc/{pvc}", []],
    ["a-b-c@volsync:/data", "{namespace}-{pvc}@volsync:/data", ["a/b-c", "a-b/c"]],
    [`${"a".repeat(50)}@home:/data`, PLAIN, [`home/${"a".repeat(50)}…`]],
    [
      `${"a".repeat(45)}-back@home:/data`,
      BACKUP,
      [`home/${"a".repeat(45)}-back…`, `home/${"a".repeat(45)}…`],
    ],
    ["Data@home:/data", PLAIN, []],
    ["root@volsync-src-data-7dk2x:/data", PLAIN, []],
  ])("%s by %s as %j", (identity, convention, expected) => {
    expect(volumes(identity, naming(convention))).toEqual(expected)
  })

  it("by its written and by its read form", () => {
    const nfs = naming({ written: "{app}-nfs@{namespace}:/data", read: "{app}-nfs-dst@{namespace}:/data" })
    expect(volumes("sonarr-nfs@media:/data", nfs)).toEqual(["media/sonarr"])
    expect(volumes("sonarr-nfs-dst@media:/data", nfs)).toEqual(["media/sonarr"])
  })
})

describe("the identities of a real shared repository", () => {
  const list = expectedOf("kopia/cluster-shared").snapshotList as {
    source: { userName: string; host: string; path: string }
  }[]
  const held = [...new Set(list.map(({ source }) => `${source.userName}@${source.host}:${source.path}`))]
  const of = (by: ReturnType<typeof naming>) => new SourceIndex(held.map(parseIdentity), by)

  it("are explained but for those of another path when the convention is right", () => {
    const index = of(naming(PLAIN))
    expect(index.matchesNaming).toBe(true)
    expect(index.unclaimed.map(formatIdentity)).toEqual(["postgres-16@databases:/var/lib/postgresql/data"])
    expect(index.volumes().map(volumeKey)).toContain("media/jellyfin-config")
  })

  it("hold back the volume whose snapshots are under another path, and no other of that namespace", () => {
    const index = of(naming(PLAIN))
    const ask = (volume: string) => index.similarTo(parseVolumeKey(volume), () => true).length
    expect(ask("databases/postgres-16")).toBe(1)
    expect(ask("databases/redis")).toBe(0)
    expect(ask("media/new")).toBe(0)
  })

  it("match no convention that is wrong for all of them", () => {
    expect(of(naming("{pvc}-nfs@{namespace}:/data")).matchesNaming).toBe(false)
    expect(of(naming("{pvc}@{namespace}:/pvc/{pvc}")).matchesNaming).toBe(false)
  })

  it("match where an administrator mapped one of them, and nothing matches where nothing is", () => {
    const mapped = naming("{pvc}-nfs@{namespace}:/data", { volumes: { "home/x": "paperless@home:/data" } })
    expect(of(mapped).matchesNaming).toBe(true)
    expect(new SourceIndex([], naming(PLAIN)).matchesNaming).toBe(false)
  })
})
