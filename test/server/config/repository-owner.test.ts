import { describe, expect, it } from "vitest"
import { emptyDocument } from "../../../server/config/document.js"
import { DocumentError, renderProblem } from "../../../server/config/document-error.js"
import { parseDocument, parsePlainDocument } from "../../../server/config/parse-document.js"
import { planApply } from "../../../server/config/plan-apply.js"
import { plainDocument, renderDocument } from "../../../server/config/render-document.js"
import { documentJsonSchema } from "../../../server/config/schema.js"

const text = (owner: string, place = "store: tank, path: kopia") => `
stores: [{ name: tank, path: /mnt/tank }]
clusters: [{ name: home }]
repositories:
  - { name: shared, cluster: home, engine: kopia, ${place}${owner === "" ? "" : `, owner: ${owner}`} }
`

const secrets = { has: () => false, holds: () => false }

function problems(owner: string, place?: string): string {
  try {
    parseDocument(text(owner, place))
  } catch (error) {
    if (error instanceof DocumentError) return error.problems.map(renderProblem).join("\n")
    throw error
  }
  return ""
}

describe("when a repository's directories are made, in the document", () => {
  const tree = (directories: string, path = "restic/{namespace}/{pvc}") =>
    `
stores: [{ name: tank, path: /mnt/tank }]
clusters: [{ name: home }]
repositories: [{ name: per-pvc, cluster: home, engine: restic, store: tank, path: "${path}", directories: ${directories} }]
`

  it("is kept, written back, and read as the same again", () => {
    const { document } = parseDocument(tree("onFirstFresh"))
    expect(document.repositories[0]?.directories).toBe("onFirstFresh")
    expect(parseDocument(renderDocument(document)).document).toEqual(document)
    expect(parsePlainDocument(plainDocument(document))).toEqual(document)
  })

  it.each([
    ["always", "restic/{namespace}/{pvc}", "onFirstFresh"],
    ["true", "restic/{namespace}/{pvc}", "onFirstFresh"],
    ["onFirstFresh", "restic/all", "only a repository with {pvc} in its path"],
  ])("%s with %s is refused", (directories, path, message) => {
    expect(() => parseDocument(tree(directories, path))).toThrow(DocumentError)
    try {
      parseDocument(tree(directories, path))
    } catch (error) {
      expect((error as DocumentError).problems.map(renderProblem).join("\n")).toContain(message)
    }
  })
})

describe("a repository's owner in the document", () => {
  it.each([
    ['{ uid: 568, gid: 568, mode: "750" }', { uid: 568, gid: 568, mode: "0750" }],
    ['{ uid: 1000, gid: 1000, mode: "2770" }', { uid: 1000, gid: 1000, mode: "2770" }],
    ["{ uid: 568, gid: 568 }", { uid: 568, gid: 568 }],
    [
      '{ uid: 568, gid: 568, acl: ["user:568:rwx", "group:3000:r-x", "user:3000:---", "user:4294967294:r--"] }',
      { uid: 568, gid: 568, acl: ["user:568:rwx", "group:3000:r-x", "user:3000:---", "user:4294967294:r--"] },
    ],
    ["", undefined],
  ])("%s is kept, written back, and read as the same again", (owner, wanted) => {
    const { document } = parseDocument(text(owner))
    expect(document.repositories[0]?.owner).toEqual(wanted)
    expect(parseDocument(renderDocument(document)).document).toEqual(document)
    expect(parsePlainDocument(plainDocument(document))).toEqual(document)
    expect("owner" in ((plainDocument(document)["repositories"] as object[])[0] ?? {})).toBe(owner !== "")
  })

  it.each([
    ["{ uid: -1, gid: 568 }", "uid"],
    ["{ uid: 4294967295, gid: 568 }", "uid"],
    ["{ uid: 568 }", "gid"],
    ['{ uid: 568, gid: 568, user: "apps" }', "user"],
    ["{ uid: 568, gid: 568, mode: 0750 }", "in quotes"],
    ["{ uid: 568, gid: 568, mode: 750 }", "in quotes"],
    ['{ uid: 568, gid: 568, mode: "0777" }', "others may not write"],
    ['{ uid: 568, gid: 568, mode: "0550" }', "its owner may do everything"],
    ['{ uid: 568, gid: 568, mode: "4750" }', "three octal digits"],
    ['{ uid: 568, gid: 568, mode: "rwx" }', "three octal digits"],
    ...[
      ["[]", "at least one entry"],
      ['"user:568:rwx"', "array"],
      ['["user:apps:rwx"]', "a number, no name"],
      ['["user:568:7"]', "exactly three of"],
      ['["user:568:rw"]', "exactly three of"],
      ['["user:568:xwr"]', "exactly three of"],
      ['["user:568:rwX"]', "exactly three of"],
      ['["user:0568:rwx"]', "an entry such as"],
      ['["user::rwx"]', "an entry such as"],
      ['["mask::rwx"]', "an entry such as"],
      ['["default:user:568:rwx"]', "an entry such as"],
      ['["other:568:rwx"]', "an entry such as"],
      ['["user:568:rwx,user:569:rwx"]', "an entry such as"],
      ['["user:568:rwx\\n"]', "an entry such as"],
      ['["user:-1:rwx"]', "an entry such as"],
      ['["user:4294967295:rwx"]', "at most 4294967294"],
      ['["user:568:rwx", "user:568:r-x"]', "here twice"],
      [JSON.stringify(Array.from({ length: 17 }, (_, id) => `user:${id}:rwx`)), "at most 16 entries"],
    ].map(([acl = "", word = ""]): [string, string] => [`{ uid: 568, gid: 568, acl: ${acl} }`, word]),
  ])("%s is refused with the line", (owner, word) => {
    expect(problems(owner)).toContain(word)
    expect(problems(owner)).toMatch(/^5:/)
  })

  it("is refused where objects have none", () => {
    expect(problems("{ uid: 1, gid: 1 }", 's3: { endpoint: "http://h", bucket: b }')).toContain(
      "in s3 have no owner",
    )
  })

  it("is a change of its own that loosens no decision", () => {
    const plan = (current: typeof emptyDocument, owner: string) =>
      planApply(current, parseDocument(text(owner)).document, { secrets })
    const { document } = plan(emptyDocument, "")
    const { changes, acknowledgements } = plan(document, "{ uid: 568, gid: 568 }")
    expect(changes.filter(({ kind }) => kind !== "unchanged")).toEqual([
      {
        kind: "changed",
        of: "repository",
        name: "shared",
        fields: [{ field: "owner", before: null, after: '{"uid":568,"gid":568}' }],
        notes: [],
      },
    ])
    expect(acknowledgements).toEqual([])
    expect(
      plan(
        plan(emptyDocument, '{ uid: 1, gid: 1, mode: "750" }').document,
        '{ uid: 1, gid: 1, mode: "0750" }',
      ).changes.every(({ kind }) => kind === "unchanged"),
    ).toBe(true)
  })

  it("is in the schema that editors complete by", () => {
    expect(JSON.stringify(documentJsonSchema())).toContain("Whose the repository's directories are")
  })
})
