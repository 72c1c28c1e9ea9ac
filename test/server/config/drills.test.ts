import { describe, expect, it } from "vitest"
import {
  documentJsonSchema,
  drillSettings,
  emptyDocument,
  parseDocument,
  parsePlainDocument,
  plainDocument,
  planApply,
  renderDocument,
} from "../../../server/config/index.js"
import { refusal } from "./refusal.js"

const DAY = 24 * 3_600_000
const GiB = 1024 ** 3
const secrets = { has: () => false, holds: () => false }

const base = `stores:
  - { name: tank, path: /mnt/tank }
clusters:
  - { name: home }
repositories:
  - { name: shared, cluster: home, engine: kopia, store: tank, path: kopia }
  - { name: each, cluster: home, engine: restic, store: tank, path: "restic/{namespace}/{pvc}", decides: guard }
`
const text = base.replace("path: kopia }", "path: kopia, decides: restore }")

function plan(written: string, current = emptyDocument, remove = false) {
  const { document, locate } = parseDocument(written)
  return planApply(current, document, { secrets, locate, remove })
}

function refused(written: string): string {
  return refusal(() => plan(written))
}

describe("drills in the document", () => {
  it("are kept, exported and applied again without a change, and removed only when that is asked for", () => {
    const written = `${text}drills:
  every: 14d
  scratch: /mnt/scratch//drills/
  most: 20GiB
  minFree: 1GiB
  engineEvery: never
  sentinels: { media/plex: [Library/Preferences.xml] }
`
    const first = plan(written)
    expect(first.changes.filter(({ of }) => of === "drills")).toMatchObject([{ kind: "added", name: "all" }])
    expect(first.acknowledgements).toEqual([])
    const rendered = renderDocument(first.document)
    expect(rendered).toContain("most: 20GiB")
    expect(parsePlainDocument(plainDocument(first.document)).drills).toEqual(first.document.drills)
    const again = plan(rendered, first.document)
    expect(again.changes.filter(({ kind }) => kind !== "unchanged")).toEqual([])
    expect(plan(text, first.document).document.drills).toEqual(first.document.drills)
    expect(plan(text, first.document, true).document.drills).toBeUndefined()
    expect(drillSettings(first.document.drills, "/state")).toEqual({
      everyMs: 14 * DAY,
      scratch: "/mnt/scratch/drills",
      ownScratch: false,
      mostBytes: 20 * GiB,
      minFreeBytes: GiB,
      engineEveryMs: undefined,
      sentinels: { "media/plex": ["Library/Preferences.xml"] },
    })
  })

  it("are usual where nothing is said, below the state directory", () => {
    expect(drillSettings(undefined, "/state")).toMatchObject({
      everyMs: 30 * DAY,
      scratch: "/state/drills",
      ownScratch: true,
      mostBytes: 50 * GiB,
      minFreeBytes: 10 * GiB,
      engineEveryMs: 90 * DAY,
    })
  })

  it.each([
    ["scratch: /mnt/tank/kopia/scratch", "it lies in repository shared"],
    ["scratch: /mnt/tank/kopia", "it lies in repository shared"],
    ["scratch: /mnt/tank/restic/media/scratch", "it lies in repository each"],
    ["scratch: scratch", "an absolute path is wanted"],
    ["scratch: /", "an absolute path is wanted"],
    ["scratch: /mnt/../etc", 'may not hold ".."'],
    ["every: soon", "an age is wanted"],
    ["every: 0d", "an age is wanted"],
    ["most: 50G", "a size such as"],
    ["engineEvery: sometimes", "an age is wanted"],
    ["sentinels: { plex: [a] }", "namespace/pvc"],
    ["sentinels: { media/plex: [../a] }", 'may not hold ".."'],
    ["often: true", "unknown key"],
  ])("%s is refused", (field, why) => {
    expect(refused(`${text}drills:\n  ${field}\n`)).toContain(why)
  })

  it("may lie in a store beside its repositories, and are in the schema", () => {
    expect(plan(`${text}drills: { scratch: /mnt/tank/kopia-scratch }\n`).document.drills?.scratch).toBe(
      "/mnt/tank/kopia-scratch",
    )
    expect(JSON.stringify(documentJsonSchema())).toContain("engineEvery")
  })
})
