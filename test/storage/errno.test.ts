import { readdirSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { fileError } from "../../storage/blobs/index.js"
import { errnoOf } from "../../storage/errno.js"

describe("the name of a system call's failure", () => {
  it("is Node's own where Node has one", () => {
    const failure = failureOf(() => readdirSync("/nowhere"))
    expect(errnoOf(failure)).toBe("ENOENT")
  })

  it.each([
    [-37, "ENOLCK"],
    [-74, "EBADMSG"],
    [-116, "ESTALE"],
    [-117, "EUCLEAN"],
    [-122, "EDQUOT"],
  ])("is Linux's for %i, which Node does not name", (errno, name) => {
    expect(errnoOf(unnamed(errno))).toBe(name)
  })

  it("leaves other numbers as Node shows them", () => {
    expect(errnoOf(unnamed(-133))).toBe("Unknown system error -133")
  })

  it("is none for what no system call threw", () => {
    expect(errnoOf(new Error("a bug"))).toBeUndefined()
    expect(errnoOf(undefined)).toBeUndefined()
    expect(errnoOf("ENOENT")).toBeUndefined()
  })

  it("gives a stale NFS handle the hint that helps", () => {
    const error = fileError(unnamed(-116), "/volume1/kopia/kopia.repository", "kopia.repository")
    expect(error.code).toBe("io")
    expect(error.message).toContain("stale NFS handle")
    expect(error.facts).toEqual({ file: "kopia.repository", errno: "ESTALE" })
    expect(error.hint).toBe("Mount the filesystem again.")
  })
})

/** As Node makes it: util.getSystemErrorName knows no name for these numbers. */
function unnamed(errno: number): Error {
  const code = `Unknown system error ${errno}`
  return Object.assign(new Error(`${code}: ${code}, scandir '/volume1'`), { errno, code, syscall: "scandir" })
}

function failureOf(work: () => unknown): unknown {
  try {
    work()
  } catch (failure) {
    return failure
  }
  throw new Error("it did not fail")
}
