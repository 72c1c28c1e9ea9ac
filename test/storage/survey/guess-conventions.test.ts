import { describe, expect, it } from "vitest"
import { parseIdentity, volumeKey } from "../../../storage/identity/index.js"
import { guessConventions, writtenOf } from "../../../storage/survey/index.js"
import { expectedOf } from "../../support/fixtures.js"

function guess(counts: Readonly<Record<string, number>>) {
  const { conventions, volumes, unclear } = guessConventions(
    Object.entries(counts).map(([text, snapshots]) => ({
      identity: parseIdentity(text),
      snapshots,
      newest: undefined,
    })),
  )
  return {
    conventions: conventions.map(({ spec, snapshots }) => [writtenOf(spec), snapshots]),
    volumes: volumes.map(volumeKey).sort(),
    unclear: unclear.map(({ identity, volume }) => [
      `${identity.user}@${identity.host}:${identity.path}`,
      volume && volumeKey(volume),
    ]),
  }
}

describe("the conventions of a Kopia repository are guessed", () => {
  it("from the real repository of a fleet", () => {
    const list = expectedOf("kopia/cluster-shared")["snapshotList"] as {
      source: { userName: string; host: string; path: string }
    }[]
    const counts: Record<string, number> = {}
    for (const { source } of list) {
      const text = `${source.userName}@${source.host}:${source.path}`
      counts[text] = (counts[text] ?? 0) + 1
    }
    const { conventions, volumes, unclear } = guess(counts)
    expect(conventions).toEqual([["{pvc}@{namespace}:/data", 52]])
    expect(volumes).toContain("home/home-assistant")
    expect(unclear).toEqual([
      ["appexamplecom-with-a-very-longreplication-source-n@databases:/data", undefined],
      ["postgres-16@databases:/var/lib/postgresql/data", "databases/postgres-16"],
      ["radarr-backup@media:/data", "media/radarr"],
      ["source@media-lidarr:/data", "media/lidarr"],
    ])
  })

  it.each([
    [
      "the usual one, also of a single identity",
      { "ha-backup@home:/data": 3 },
      [["{pvc}-backup@{namespace}:/data", 3]],
    ],
    ["bare names, also of a single one", { "ha@home:/data": 3 }, [["{pvc}@{namespace}:/data", 3]]],
    [
      "two, the one with the most snapshots first",
      { "a-backup@x:/data": 1, "b-backup@x:/data": 1, "c@x:/data": 5, "d@y:/data": 5 },
      [
        ["{pvc}@{namespace}:/data", 10],
        ["{pvc}-backup@{namespace}:/data", 2],
      ],
    ],
    [
      "other affixes, the longest first",
      { "a-nfs@x:/data": 1, "b-nfs@x:/data": 1, "volsync-c@x:/data": 2, "volsync-d@x:/data": 2 },
      [
        ["volsync-{pvc}@{namespace}:/data", 4],
        ["{pvc}-nfs@{namespace}:/data", 2],
      ],
    ],
    [
      "kopiur's, with the cluster in the host's name",
      { "a@x.prod:/pvc/a": 1, "b@y.prod:/pvc/b": 1 },
      [["{pvc}@{namespace}.prod:/pvc/{pvc}", 2]],
    ],
    ["another path", { "a@x:/var/data": 1, "b@y:/var/data": 1 }, [["{pvc}@{namespace}:/var/data", 2]]],
  ])("%s", (_, counts, conventions) => {
    expect(guess(counts)).toMatchObject({ conventions, unclear: [] })
  })

  it("but an affix is part of the name where the bare name has backups too", () => {
    const counts = { "mysql@x:/data": 1, "mysql-backup@x:/data": 1, "pg@x:/data": 1, "pg-backup@x:/data": 1 }
    expect(guess(counts)).toMatchObject({
      conventions: [["{pvc}@{namespace}:/data", 4]],
      volumes: ["x/mysql", "x/mysql-backup", "x/pg", "x/pg-backup"],
      unclear: [],
    })
  })

  it("and says which identities it takes for nobody's, or only guesses", () => {
    const cut = "a".repeat(50)
    const counts = {
      "a@x:/data": 1,
      "b@x:/data": 1,
      [`${cut}@x:/data`]: 1,
      "a@volsync-src-a-x7d2f:/data": 1,
      "Root@x:/data": 1,
      "me@desktop:/home/me": 1,
      "only@x:/elsewhere": 1,
    }
    const { conventions, unclear } = guess(counts)
    expect(conventions).toEqual([["{pvc}@{namespace}:/data", 2]])
    expect(unclear).toEqual([
      ["Root@x:/data", undefined],
      ["a@volsync-src-a-x7d2f:/data", undefined],
      [`${cut}@x:/data`, undefined],
      ["me@desktop:/home/me", "desktop/me"],
      ["only@x:/elsewhere", "x/only"],
    ])
  })

  it("and proposes nothing that a document cannot hold", () => {
    expect(guess({ "a@x:/d{1}": 1, "b@x:/d{1}": 1 }).conventions).toEqual([])
    expect(guess({})).toEqual({ conventions: [], volumes: [], unclear: [] })
  })
})
