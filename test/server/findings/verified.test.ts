import { describe, expect, it } from "vitest"
import { type VerifiablePlace, verifiedFacts } from "../../../server/findings/sources/verified.js"

const DAY_MS = 86_400_000
const now = 1_800_000_000_000
const place = (
  verified: number | undefined,
  read: number | undefined,
  hasPassword = true,
): VerifiablePlace => ({
  directory: "/mnt/restic/media/plex",
  hasPassword,
  verifiedAt: verified === undefined ? undefined : now - verified * DAY_MS,
  readAt: read === undefined ? undefined : now - read * DAY_MS,
})
const told = (...places: VerifiablePlace[]) =>
  verifiedFacts({ name: "per-volume", places }, now).map(({ code, severity }) => `${severity} ${code}`)

describe("a repository that", () => {
  it.each([
    ["was verified and read in time", place(1, 20), []],
    ["was never verified", place(undefined, undefined), ["info never_verified"]],
    ["was verified, and never read", place(1, undefined), ["info never_read"]],
    ["was not verified for more than a week", place(9, 9), ["warning verify_overdue"]],
    ["was not read for more than six weeks", place(1, 46), ["warning read_overdue"]],
    ["has no password here", place(undefined, undefined, false), ["info not_verifiable"]],
  ])("%s is told as such", (_, one, wanted) => {
    expect(told(one)).toEqual(wanted)
  })

  it("has many directories is told once, with how many", () => {
    const places = [place(1, 1), place(undefined, undefined), place(undefined, undefined), place(1, 1, false)]
    const [fact] = verifiedFacts({ name: "per-volume", places }, now)
    expect(fact?.title).toBe("2 of 4 repositories of per-volume were never verified")
    expect(verifiedFacts({ name: "per-volume", places }, now)).toHaveLength(2)
  })
})
