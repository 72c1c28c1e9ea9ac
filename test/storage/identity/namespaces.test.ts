import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  EVERY_NAMESPACE,
  overlap,
  parseNamespaceRules,
  servesNamespace,
} from "../../../storage/identity/index.js"

describe("the namespaces of a repository", () => {
  it.each([
    [["*", "!legacy-*"], "home", true],
    [["*", "!legacy-*"], "legacy-1", false],
    [["*", "!legacy-*"], "legacy", true],
    [["*", "!legacy-*", "legacy-keep"], "legacy-keep", true],
    [["legacy-*"], "legacy-1", true],
    [["legacy-*"], "home", false],
    [["a*b*c"], "a-x-b-y-c", true],
    [["a*b*c"], "a-x-c", false],
    [["home"], "home2", false],
  ])("%j serve %s: %s", (patterns, namespace, expected) => {
    expect(servesNamespace(parseNamespaceRules(patterns), namespace)).toBe(expected)
  })

  it("are all when nothing is said", () => {
    expect(servesNamespace(EVERY_NAMESPACE, "anything")).toBe(true)
  })

  it.each([[[]], [["!legacy-*"]], [["Home"]], [["a b"]], [[""]], [["!"]], [["home/x"]]])(
    "cannot be %j",
    (patterns) => {
      expect(() => parseNamespaceRules(patterns)).toThrow(expect.objectContaining({ code: "invalid" }))
    },
  )
})

describe("two repositories", () => {
  it.each([
    [["*", "!legacy-*"], ["legacy-*"]],
    [["home"], ["media"]],
    [
      ["*", "!home", "!media"],
      ["home", "media"],
    ],
    [["a-*"], ["b-*"]],
    [["*-prod"], ["*-test"]],
    [["*", "!*-*"], ["*-*"]],
  ])("with %j and %j share no namespace", (a, b) => {
    expect(overlap(parseNamespaceRules(a), parseNamespaceRules(b))).toBeUndefined()
    expect(overlap(parseNamespaceRules(b), parseNamespaceRules(a))).toBeUndefined()
  })

  it.each([
    [["*"], ["home"], "home"],
    [["a-*"], ["*-b"], "a-b"],
    [["*", "!legacy-*", "legacy-x"], ["legacy-*"], "legacy-x"],
    [["*", "!legacy-*"], ["legacy*"], "legacy"],
  ])("with %j and %j both serve %s", (a, b, example) => {
    expect(overlap(parseNamespaceRules(a), parseNamespaceRules(b))).toBe(example)
  })

  it("that are said not to overlap never both serve a name; an example is really served by both", () => {
    const pattern = fc.stringMatching(/^!?[ab*-]{1,4}$/)
    const rules = fc
      .array(pattern, { minLength: 1, maxLength: 3 })
      .filter((patterns) => patterns.some((text) => !text.startsWith("!")))
      .map(parseNamespaceRules)
    const name = fc.stringMatching(/^[ab]([ab-]{0,4}[ab])?$/)
    fc.assert(
      fc.property(rules, rules, fc.array(name, { minLength: 5, maxLength: 20 }), (a, b, names) => {
        const example = overlap(a, b)
        if (example !== undefined) {
          expect([servesNamespace(a, example), servesNamespace(b, example)]).toEqual([true, true])
        } else {
          expect(names.filter((text) => servesNamespace(a, text) && servesNamespace(b, text))).toEqual([])
        }
      }),
      { numRuns: 300 },
    )
  })
})
