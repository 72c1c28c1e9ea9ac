import { describe, expect, it } from "vitest"
import {
  emptyDocument,
  parseDocument,
  parsePlainDocument,
  plainDocument,
  planApply,
  renderDocument,
} from "../../../server/config/index.js"
import { scrubSettings } from "../../../server/reading/scrub/settings.js"
import { refusal } from "./refusal.js"

const secrets = { has: () => false, holds: () => false }
const DAY = 86_400_000

const text = (own: string, general: string): string => `stores:
  - { name: tank, path: /mnt/tank }
clusters:
  - { name: home }
repositories:
  - { name: shared, cluster: home, engine: kopia, store: tank, path: kopia${own} }
${general}
`

function plan(written: string, current = emptyDocument) {
  const { document, locate } = parseDocument(written)
  return planApply(current, document, { secrets, locate })
}

function settingsOf(own: string, general: string) {
  const { document } = plan(text(own, general))
  const [entry] = document.repositories
  if (entry === undefined) throw new Error("it has one")
  return scrubSettings(document, entry)
}

describe("how scrubs read, in the document", () => {
  it("is kept, exported and applied again without a change, and taken out only with all that is not named", () => {
    const written = text(", scrub: { readers: 2 }", "scrub: { every: 14d, limit: 100MiB }")
    const first = plan(written)
    expect(first.changes.find(({ of }) => of === "scrub")).toMatchObject({ kind: "added", name: "all" })
    expect(parsePlainDocument(plainDocument(first.document))).toEqual(first.document)
    expect(renderDocument(first.document)).toContain("limit: 100MiB")
    const again = plan(renderDocument(first.document), first.document)
    expect(again.changes.every(({ kind }) => kind === "unchanged")).toBe(true)
    const changed = plan(written.replace("14d", "15d"), first.document)
    expect(changed.changes.find(({ of }) => of === "scrub")).toMatchObject({
      kind: "changed",
      fields: [{ field: "every", before: "14d", after: "15d" }],
    })
    const own = plan(written.replace("readers: 2", "readers: 3"), first.document)
    expect(own.changes.find(({ of }) => of === "repository")).toMatchObject({ fields: [{ field: "scrub" }] })
    expect(plan(text("", ""), first.document).document.scrub).toEqual({ every: "14d", limit: 100 * 2 ** 20 })
    const bare = parseDocument(text("", "")).document
    expect(planApply(first.document, bare, { secrets, remove: true }).document.scrub).toBeUndefined()
  })

  it("is the repository's own before what is for all before what is usual, each by itself", () => {
    expect(settingsOf("", "")).toEqual({ everyMs: 30 * DAY, limit: undefined, readers: undefined })
    expect(settingsOf(", scrub: { every: 2d, readers: 1 }", "scrub: { every: 14d, limit: 2MiB }")).toEqual({
      everyMs: 2 * DAY,
      limit: 2 * 2 ** 20,
      readers: 1,
    })
  })

  it.each([
    ["scrub: { every: 12h }", /^7:\d+ scrub\.every: an age from "1d"/],
    ["scrub: { every: 9999d }", /^7:\d+ scrub\.every: /],
    ["scrub: { every: 30 }", /^7:\d+ scrub\.every: an age is wanted/],
    ["scrub: { limit: 100M }", /^7:\d+ scrub\.limit: a size/],
    ["scrub: { limit: 1000 }", /^7:\d+ scrub\.limit: at least 1MiB/],
    ["scrub: { readers: 0 }", /^7:\d+ scrub\.readers: /],
    ["scrub: { quiet: true }", /^7:\d+ scrub\.quiet: unknown key/],
  ])("as %s is refused with the line", (general, message) => {
    expect(refused(text("", general))).toMatch(message)
  })
})

function refused(written: string): string {
  return refusal(() => plan(written))
}
