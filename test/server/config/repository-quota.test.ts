import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { parseByteSize, writtenByteSize } from "../../../server/config/byte-size.js"
import { emptyDocument } from "../../../server/config/document.js"
import { DocumentError, renderProblem } from "../../../server/config/document-error.js"
import { parseDocument, parsePlainDocument } from "../../../server/config/parse-document.js"
import { planApply } from "../../../server/config/plan-apply.js"
import { plainDocument, renderDocument } from "../../../server/config/render-document.js"
import { documentJsonSchema } from "../../../server/config/schema.js"

const GIB = 1024 ** 3

const text = (quota: string, place = "store: tank, path: kopia") => `
stores: [{ name: tank, path: /mnt/tank }]
clusters: [{ name: home }]
repositories:
  - { name: shared, cluster: home, engine: kopia, ${place}${quota === "" ? "" : `, quota: ${quota}`} }
`

const secrets = { has: () => false, holds: () => false }

function problems(quota: string, place?: string): string {
  try {
    parseDocument(text(quota, place))
  } catch (error) {
    if (error instanceof DocumentError) return error.problems.map(renderProblem).join("\n")
    throw error
  }
  return ""
}

describe("a repository's quota in the document", () => {
  it.each([
    ["{ limit: 200GiB }", { limitBytes: 200 * GIB, warnAt: 85, enforce: true }, "200GiB"],
    ["{ limit: 200 GiB, warnAt: 90 }", { limitBytes: 200 * GIB, warnAt: 90, enforce: true }, "200GiB"],
    ["{ limit: 2048MiB, enforce: false }", { limitBytes: 2 * GIB, warnAt: 85, enforce: false }, "2GiB"],
    ["{ limit: 214748364801 }", { limitBytes: 200 * GIB + 1, warnAt: 85, enforce: true }, 200 * GIB + 1],
    ["", undefined, undefined],
  ])("%s is kept, written back, and read as the same again", (quota, wanted, written) => {
    const { document } = parseDocument(text(quota))
    expect(document.repositories[0]?.quota).toEqual(wanted)
    expect(parseDocument(renderDocument(document)).document).toEqual(document)
    expect(parsePlainDocument(plainDocument(document))).toEqual(document)
    const [repository] = plainDocument(document)["repositories"] as { quota?: { limit: unknown } }[]
    expect(repository?.quota?.limit).toEqual(written)
  })

  it.each([
    ["{ limit: 200GB }", "KiB, MiB, GiB"],
    ["{ limit: 200G }", "KiB, MiB, GiB"],
    ["{ limit: 1.5TiB }", "KiB, MiB, GiB"],
    ["{ limit: 1.5 }", "KiB, MiB, GiB"],
    ["{ limit: -1GiB }", "KiB, MiB, GiB"],
    ["{ limit: -5 }", "less than 1 MiB"],
    ["{ limit: 0 }", "less than 1 MiB"],
    ["{ limit: 200 }", "less than 1 MiB"],
    ["{ limit: 1000KiB }", "less than 1 MiB"],
    ["{ limit: 5PiB }", "more than 4 PiB"],
    ["{ limit: 99999999PiB }", "KiB, MiB, GiB"],
    ["{ limit: [1GiB] }", "KiB, MiB, GiB"],
    ["{}", "limit"],
    ["{ limit: 1GiB, warnAt: 0 }", "warnAt"],
    ["{ limit: 1GiB, warnAt: 100 }", "warnAt"],
    ["{ limit: 1GiB, warnAt: 85.5 }", "warnAt"],
    ["{ limit: 1GiB, warn: 85 }", "warn"],
  ])("%s is refused with the line", (quota, word) => {
    expect(problems(quota)).toContain(word)
    expect(problems(quota)).toMatch(/^5:/)
  })

  it("is refused for a bucket", () => {
    expect(problems("{ limit: 1GiB }", 's3: { endpoint: "http://h", bucket: b }')).toContain("bucket's limit")
  })

  it("is a change that is shown and needs no acknowledgement", () => {
    const plan = (before: typeof emptyDocument, quota: string) =>
      planApply(before, parseDocument(text(quota)).document, { secrets })
    const { document } = plan(emptyDocument, "")
    const { changes, acknowledgements } = plan(document, "{ limit: 200GiB }")
    expect(changes.flatMap(({ fields }) => fields)).toEqual([
      { field: "quota", before: null, after: '{"limit":"200GiB","warnAt":85,"enforce":true}' },
    ])
    expect(acknowledgements).toEqual([])
  })

  it("is in the schema that editors complete", () => {
    const schema = JSON.stringify(documentJsonSchema())
    expect(schema).toContain("what its directory may hold".replace("what", "What"))
    expect(schema).toContain("Percent of the limit")
  })
})

describe("a size", () => {
  it("is read as what it was written from", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (bytes) => {
        expect(parseByteSize(String(writtenByteSize(bytes)))).toBe(bytes)
      }),
    )
  })
})
