import { describe, expect, it } from "vitest"
import { type Document, emptyDocument } from "../../../server/config/document.js"
import { DocumentError, renderProblem } from "../../../server/config/document-error.js"
import { parseDocument } from "../../../server/config/parse-document.js"
import { planApply } from "../../../server/config/plan-apply.js"

const secrets = { has: () => true, holds: () => true }

function applied(text: string, current: Document = emptyDocument, kept = false): Document {
  const { document, locate } = parseDocument(text)
  return planApply(current, document, { secrets, locate, kept }).document
}

/** What is wrong with a document, one line each; a line that begins with a number has a place in the text. */
function faults(text: string, current: Document = emptyDocument): string[] {
  try {
    applied(text, current)
    return []
  } catch (error) {
    if (error instanceof DocumentError) return error.problems.map(renderProblem)
    throw error
  }
}

const base = `stores:
  - { name: tank, path: /mnt/tank }
  - { name: inner, path: /mnt/tank/inner }
clusters:
  - { name: home, networks: [192.168.10.0/24] }
  - { name: lab, networks: [192.168.20.0/24] }
`
const kopia = (path: string, more = "") =>
  `repositories:\n  - { name: lab-kopia, cluster: lab, engine: kopia, store: tank, path: "${path}", ${more} }\n`
const restic = (path: string, more = "") =>
  `repositories:\n  - { name: lab-restic, cluster: lab, engine: restic, store: tank, path: "${path}", ${more} }\n`
const exported = (path: string, more = "store: tank, cluster: home") =>
  `exports:\n  - { path: "${path}", ${more} }\n`

describe("an export whose clients would reach a repository of another cluster", () => {
  it.each([
    ["the place itself", kopia("kopia"), exported("kopia"), "is the place"],
    ["a directory in it", kopia("kopia"), exported("kopia/p"), "lies in the place"],
    ["a directory around it", kopia("backups/kopia"), exported("backups"), "holds the place"],
    ["the store", kopia("kopia"), exported(""), "holds the place"],
    ["anything of a store that is the repository", kopia(""), exported("kopia"), "lies in the place"],
    [
      "read-only",
      kopia("kopia"),
      exported("kopia", "store: tank, cluster: home, access: readOnly"),
      "is the",
    ],
    [
      "another store in its place",
      kopia("inner/kopia"),
      exported("", "store: inner, cluster: home"),
      "holds",
    ],
    ["a folder of namespaces", restic("restic/{namespace}/{pvc}"), exported("restic"), "holds the place"],
    [
      "one namespace's folder",
      restic("restic/{namespace}/{pvc}"),
      exported("restic/media"),
      "holds the place",
    ],
    ["one volume's", restic("restic/{namespace}/{pvc}"), exported("restic/media/app"), "is the place"],
    ["what is in one", restic("restic/{namespace}/{pvc}"), exported("restic/a/b/data"), "lies in the place"],
    ["names within one part", restic("r/{namespace}-{pvc}"), exported("r/media-app"), "is the place"],
    [
      "a mapped volume's",
      restic("r/{namespace}/{pvc}", 'volumes: { "a/b": odd/b }'),
      exported("odd"),
      "holds",
    ],
    ["its own cluster's folder", restic("{cluster}/{namespace}/{pvc}"), exported("lab"), "holds the place"],
  ])("is refused at its line: %s", (_, repository, entry, says) => {
    const [fault, ...more] = faults(base + repository + entry)
    expect(more).toEqual([])
    // The line of the export: two of the repository come before it.
    expect(fault).toMatch(/^10:\d+ exports\.(tank|inner):\S* for home\.path: it /)
    expect(fault).toContain(says)
    expect(fault).toMatch(/of repository lab-\w+, which belongs to cluster lab/)
  })

  it.each([
    ["its own cluster's", kopia("kopia"), exported("kopia", "store: tank, cluster: lab")],
    ["one beside it", kopia("kopia"), exported("kopia-home")],
    ["one that only begins alike", restic("restic/{namespace}/{pvc}"), exported("rest")],
    ["the folder of another cluster", restic("{cluster}/{namespace}/{pvc}"), exported("home")],
    [
      "a namespace that the other one does not serve",
      restic("restic/{namespace}/{pvc}", 'namespaces: ["*", "!media"]'),
      exported("restic/media"),
    ],
    ["a template of other names", restic("r/app-{namespace}/{pvc}"), exported("r/media")],
    ["another store's", kopia("kopia"), exported("kopia", "store: inner, cluster: home")],
  ])("is none that is %s", (_, repository, entry) => {
    expect(faults(base + repository + entry)).toEqual([])
  })

  it("is refused for the whole of a tree that two clusters share, and not for the parts", () => {
    const tree = (name: string, cluster: string, namespaces: string) =>
      `  - { name: ${name}, cluster: ${cluster}, engine: restic, store: tank, path: "restic/{namespace}/{pvc}", namespaces: ${namespaces} }\n`
    const both = `repositories:\n${tree("a", "home", '["home-*"]')}${tree("b", "lab", '["lab-*"]')}`
    expect(faults(base + both + exported("restic"))).toEqual([
      expect.stringContaining("repository b, which belongs to cluster lab"),
    ])
    expect(faults(base + both + exported("restic/home-media"))).toEqual([])
    expect(faults(base + both + exported("restic/lab-media"))).toHaveLength(1)
  })

  it("is refused at the line of the repository that comes where something is exported", () => {
    const current = applied(base + exported("restic"))
    const [fault] = faults(
      restic("restic/{namespace}/{pvc}").replace("repositories", "\nrepositories"),
      current,
    )
    expect(fault).toMatch(/^3:\d+ exports\.tank:restic for home\.path: it holds the place/)
  })

  it("counts exports by what they are, not by where they stand, when others were declared before", () => {
    const current = applied(base + exported("other"))
    const [fault] = faults(`${base}${kopia("kopia")}${exported("kopia")}`, current)
    expect(fault).toMatch(/^10:\d+ exports\.tank:kopia for home/)
  })

  it("is still read where an earlier version took it, so that the daemon starts and can refuse it", () => {
    const { exports } = applied(base + kopia("kopia") + exported("kopia"), emptyDocument, true)
    expect(exports).toHaveLength(1)
  })
})
