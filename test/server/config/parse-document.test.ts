import { describe, expect, it } from "vitest"
import { DocumentError, renderProblem } from "../../../server/config/document-error.js"
import { parseDocument, parsePlainDocument } from "../../../server/config/parse-document.js"
import { plainDocument, renderDocument } from "../../../server/config/render-document.js"
import { documentJsonSchema } from "../../../server/config/schema.js"

/** Every kind of entry, in the words of the manual. */
const whole = `
stores:
  - name: tank
    path: /mnt/tank/k8s-backups/
clusters:
  - name: home
    networks: [192.168.10.0/24, 127.0.0.1/32]
repositories:
  - name: shared
    cluster: home
    engine: kopia
    store: tank
    path: kopia
    password: { file: /run/secrets/kopia }
    conventions:
      - "{pvc}-backup@{namespace}:/data"
      - written: "{pvc}-nfs@{namespace}:/data"
        read: "{pvc}-nfs-dst@{namespace}:/data"
    namespaces: ["*", "!legacy-*"]
    decides: restore
  - name: per-pvc
    cluster: home
    engine: restic
    store: tank
    path: ./restic//{namespace}/{pvc}
    namespaces: ["legacy-*"]
    new: true
    decides: restore
    password: { env: RESTIC_PASSWORD }
  - name: offsite
    cluster: home
    engine: kopia
    s3: { endpoint: "http://127.0.0.1:9000", bucket: volsync, prefix: home, credentials: { file: /run/secrets/s3 } }
    decides: guard
exports:
  - store: tank
    path: kopia
    cluster: home
    access: readWrite
    squash: { uid: 568, gid: 568 }
`

function problems(text: string): string[] {
  try {
    parseDocument(text)
  } catch (error) {
    if (error instanceof DocumentError) return error.problems.map(renderProblem)
    throw error
  }
  return []
}

describe("a document", () => {
  it("is read with its defaults spelled out", () => {
    const { document } = parseDocument(whole)
    expect(document.stores).toEqual([{ name: "tank", path: "/mnt/tank/k8s-backups", allowRoot: false }])
    expect(document.clusters[0]).toEqual({
      name: "home",
      networks: ["192.168.10.0/24", "127.0.0.1/32"],
      excludedNamespaces: ["kube-system", "volsync-system", "kyverno"],
      tokens: [],
      requireToken: false,
    })
    expect(document.repositories[0]).toMatchObject({
      place: { kind: "store", store: "tank", path: "kopia" },
      conventions: [
        {
          written: "{pvc}-backup@{namespace}:/data",
          read: "{pvc}-backup@{namespace}:/data",
          verbatim: false,
        },
        { written: "{pvc}-nfs@{namespace}:/data", read: "{pvc}-nfs-dst@{namespace}:/data", verbatim: false },
      ],
      new: false,
    })
    expect(document.repositories[1]).toMatchObject({
      place: { kind: "store", store: "tank", path: "restic/{namespace}/{pvc}" },
      conventions: [],
      new: true,
    })
    expect(document.repositories[2]?.place).toMatchObject({ kind: "s3", prefix: "home/", region: "auto" })
    expect(document.repositories[2]?.password).toBeUndefined()
  })

  it("may be empty", () => {
    expect(parseDocument("").document).toEqual({
      stores: [],
      clusters: [],
      repositories: [],
      exports: [],
      schedules: [],
    })
    expect(parseDocument("# nothing yet\n").document.stores).toEqual([])
  })

  it("comes back the same from what is kept and from what is exported", () => {
    const { document } = parseDocument(whole)
    expect(parsePlainDocument(JSON.parse(JSON.stringify(plainDocument(document))))).toEqual(document)
    expect(parseDocument(renderDocument(document)).document).toEqual(document)
  })

  it("follows an anchor", () => {
    const text = "clusters:\n  - {name: a, networks: &n [10.0.0.0/8]}\n  - {name: b, networks: *n}\n"
    expect(parseDocument(text).document.clusters[1]?.networks).toEqual(["10.0.0.0/8"])
  })
})

const store = "stores:\n  - name: tank\n    path: /tank\n"

describe("a document with a fault names the line", () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ["an unknown key at the top", `${store}shops: []\n`, "4:1 shops: unknown key"],
    ["an unknown key in an entry", `${store}    alowRoot: true\n`, "4:5 stores.0.alowRoot: unknown key"],
    [
      "an unknown key in a password",
      kopia("password: { fiel: x }"),
      "5:17 repositories.0.password.fiel: unknown key",
    ],
    ["a key that is there twice", `${store}    name: other\n`, "4:5 this key is here twice"],
    ["a wrong type", "stores: 7\n", "1:1 stores: expected array, received number"],
    [
      "a wrong type in an entry",
      "stores:\n  - name: [a]\n    path: /t\n",
      "2:5 stores.0.name: expected string, received array",
    ],
    [
      "a missing field, at its entry",
      "stores:\n  - name: tank\n",
      "2:5 stores.0.path: expected string, received undefined",
    ],
    [
      "a relative store",
      "stores:\n  - name: tank\n    path: tank\n",
      "3:5 stores.0.path: an absolute path is wanted",
    ],
    [
      "a store with ..",
      "stores:\n  - name: tank\n    path: /a/../b\n",
      '3:5 stores.0.path: a path may not hold ".."',
    ],
    [
      "an absolute path of a repository",
      kopia("path: /k"),
      "5:5 repositories.0.path: a path relative to the store is wanted, not an absolute one",
    ],
    [
      "a path that leaves the store",
      kopia("path: a/../../b"),
      '5:5 repositories.0.path: a path may not hold ".."',
    ],
    [
      "two ways to find a password",
      kopia("password: { file: /a, env: B }"),
      "5:5 repositories.0.password: exactly one of file, env, value and sealed is wanted, 2 are here",
    ],
    [
      "an unknown engine",
      "repositories:\n  - {name: a, cluster: c, engine: borg, store: t}\n",
      '2:27 repositories.0.engine: invalid option: expected one of "kopia"|"restic"',
    ],
    [
      "no place",
      "repositories:\n  - {name: a, cluster: c, engine: kopia}\n",
      "2:5 repositories.0: where is it? `store` and `path` are wanted",
    ],
    [
      "an unknown key in a convention",
      kopia("conventions: [{written: a, raed: b}]"),
      "5:32 repositories.0.conventions.0.raed: unknown key",
    ],
    [
      "an upper-case name",
      "clusters:\n  - name: Home\n",
      "2:5 clusters.0.name: lower-case letters, digits and dashes, at most 63",
    ],
    [
      "a volume without its namespace",
      kopia("volumes: { data: x }"),
      "5:16 repositories.0.volumes.data: a volume is written namespace/pvc",
    ],
    ["two documents", "stores: []\n---\nstores: []\n", "2:1 only one document is wanted"],
    ["a tab", "stores:\n\t- name: a\n", "2:1 the indentation does not fit"],
  ]

  it.each(cases)("%s", (_name, text, expected) => {
    expect(problems(text)).toContain(expected)
  })

  it("all faults at once", () => {
    expect(problems("stores: 7\nclusters: 8\nshops: 9\n")).toHaveLength(3)
  })
})

function kopia(line: string): string {
  return `repositories:\n  - name: a\n    cluster: c\n    engine: kopia\n    ${line}\n    store: t\n`
}

describe("a hostile document is refused", () => {
  it("with aliases that multiply", () => {
    const levels = Array.from({ length: 12 }, (_, level) => {
      const inner = level === 0 ? '"x"' : `*l${level - 1}`
      return `  - &l${level} [${Array.from({ length: 10 }, () => inner).join(", ")}]`
    })
    expect(problems(`stores:\n${levels.join("\n")}\n`)[0]).toMatch(/^the aliases unfold/)
  })

  it("with nesting without end", () => {
    const found = problems("[".repeat(200_000))
    expect(found).not.toHaveLength(0)
    expect(found.length).toBeLessThan(10)
  })

  it("of more than four million characters", () => {
    expect(problems(`#${"x".repeat(4 * 1024 * 1024)}`)[0]).toMatch(/are the most$/)
  })

  it.each([
    ["password: { value: *Tr0ub4dor }", "an alias"],
    ["password: { value: !Tr0ub4dor x }", "a tag"],
    ["password: { value: [Tr0ub4dor] }", "a list"],
    ["password: { valeu: Tr0ub4dor }", "a misspelt key"],
    ["password: { value: @Tr0ub4dor }", "a reserved character"],
    ["password: { value: Tr0ub4dor }}", "a brace too many"],
    ['password: { value: "Tr0ub4dor', "a quote too few"],
  ])("without a word of the password in the message: %s", (line) => {
    const found = problems(kopia(line))
    expect(found).not.toEqual([])
    expect(found.join("\n")).not.toContain("Tr0ub4dor")
  })
})

describe("the JSON Schema", () => {
  it("describes what people write and refuses unknown keys", () => {
    const schema = documentJsonSchema()
    expect(schema).toMatchObject({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      type: "object",
      additionalProperties: false,
    })
    expect(JSON.stringify(schema)).toContain('"enum":["restore","guard","no"]')
  })
})
