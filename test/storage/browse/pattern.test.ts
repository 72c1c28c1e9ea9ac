import { describe, expect, it } from "vitest"
import { PathPattern, type PatternOptions } from "../../../storage/browse/index.js"

/** Whether a path fits; a walk that gives up early says no, too. */
function fits(pattern: string, path: string, options?: PatternOptions): boolean {
  const compiled = new PathPattern(pattern, options)
  let progress = compiled.start
  for (const name of path.split("/")) {
    if (!compiled.continues(progress)) return false
    progress = compiled.step(progress, Buffer.from(name))
  }
  return compiled.fits(progress)
}

describe("a pattern", () => {
  it.each([
    ["hosts", "etc/hosts", true],
    ["hosts", "hosts", true],
    ["hosts", "etc/hosts.bak", false],
    ["/hosts", "hosts", true],
    ["/hosts", "etc/hosts", false],
    ["etc/hosts", "etc/hosts", true],
    ["etc/hosts", "a/etc/hosts", false],
    ["*.db", "a/b/c.db", true],
    ["*.db", ".db", true],
    ["*.db", "c.db-wal", false],
    ["app/*.db", "app/x/c.db", false],
    ["app/**/*.db", "app/c.db", true],
    ["app/**/*.db", "app/x/y/c.db", true],
    ["app/**/*.db", "ap/x/y/c.db", false],
    ["**/b", "b", true],
    ["**/b", "a/a/b", true],
    ["a/**", "a", false],
    ["a/**", "a/b/c", true],
    ["a/**/b/**/c", "a/x/b/b/y/c", true],
    ["a/**/b/**/c", "a/x/c/b", false],
    ["?", "ü", true],
    ["?", "🔑", true],
    ["?", "ab", false],
    ["a?c*", "abc", true],
    ["*a*b*", "xxaxxbxx", true],
    ["*a*b*", "xxbxxaxx", false],
    ["\\*", "*", true],
    ["\\*", "a", false],
    ["a\\\\b", "a\\b", true],
    ["*", "new\nline", true],
    ["[ab]", "[ab]", true],
    ["[ab]", "a", false],
    ["A", "a", false],
    ["logs/", "app/logs", true],
  ])("%j has %j: %j", (pattern, path, expected) => {
    expect(fits(pattern, path)).toBe(expected)
  })

  it("may leave upper and lower case alone", () => {
    expect(fits("*.DB", "Ä.db", { ignoreCase: true })).toBe(true)
    expect(fits("ä.*", "Ä.db", { ignoreCase: true })).toBe(true)
  })

  it("is for what lies below a directory, whose name stands for nothing else", () => {
    expect(fits("*.db", "a*/x/c.db", { under: "/a*/" })).toBe(true)
    expect(fits("*.db", "ab/x/c.db", { under: "/a*/" })).toBe(false)
    expect(fits("*.db", "A/c.db", { under: "a", ignoreCase: true })).toBe(false)
  })

  it("fits names that are not UTF-8", () => {
    const pattern = new PathPattern("bad-?")
    expect(pattern.fits(pattern.step(pattern.start, Uint8Array.of(0x62, 0x61, 0x64, 0x2d, 0xff)))).toBe(true)
  })

  it.each(["", "/", "..", "a/../b", "./a", "x".repeat(5_000)])("is not %j", (text) => {
    expect(() => new PathPattern(text)).toThrow(expect.objectContaining({ code: "invalid" }) as Error)
  })

  it("made to be slow is not", () => {
    expect(fits("*a".repeat(200) + "b", "a".repeat(4_000))).toBe(false)
    expect(fits("**/".repeat(100) + "b", "a/".repeat(100) + "c")).toBe(false)
  })
})
