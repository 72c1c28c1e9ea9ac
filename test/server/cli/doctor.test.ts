import { chmodSync, mkdirSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { clockCheck, memoryCheck, nodeCheck } from "../../../server/cli/doctor/machine.js"
import { privacyCheck, spaceCheck } from "../../../server/cli/doctor/state.js"
import type { DoctorJson } from "../../../server/http/contract/admin.js"
import { doctorJson } from "../../../server/http/contract/admin.js"
import { answering } from "../../support/admin-socket.js"
import { cli } from "../../support/cli.js"
import { scratch } from "../../support/fixtures.js"

const gibibyte = 1024 ** 3

describe("what a check thinks of", () => {
  it.each([
    ["a new Node", nodeCheck("24.1.0"), "ok"],
    ["the oldest Node that will do", nodeCheck("20.19.0"), "ok"],
    ["a Node that is too old", nodeCheck("20.18.3"), "fail"],
    ["much memory", memoryCheck(4 * gibibyte, gibibyte), "ok"],
    ["little memory", memoryCheck(gibibyte / 4, 0), "warn"],
    ["a clock that is right", clockCheck(Date.UTC(2026, 5, 1), Date.UTC(2026, 4, 1)), "ok"],
    ["a clock that was never set", clockCheck(Date.UTC(1970, 0, 2), undefined), "fail"],
    ["a clock that is behind our own files", clockCheck(Date.UTC(2026, 5, 1), Date.UTC(2026, 5, 2)), "fail"],
    ["a state that only its owner enters", privacyCheck("/s", 0o40700, 1000, 1000), "ok"],
    ["a state that others enter", privacyCheck("/s", 0o40755, 1000, 1000), "warn"],
    ["a state of another user", privacyCheck("/s", 0o40700, 568, 1000), "warn"],
    ["much space", spaceCheck(gibibyte), "ok"],
    ["little space", spaceCheck(100 * 1024 * 1024), "warn"],
    ["no space", spaceCheck(1024), "fail"],
  ])("%s", (_name, check, status) => {
    expect(check.status).toBe(status)
    expect(check.hint === null).toBe(status === "ok")
  })
})

async function doctor(state: string, environment: Readonly<Record<string, string>> = {}) {
  const result = await cli(["doctor", "--json"], { environment: { CISTERN_STATE: state, ...environment } })
  const { checks } = doctorJson.parse(JSON.parse(result.stdout))
  const status = (name: string) => checks.find((check) => check.name === name)?.status
  return { ...result, checks, status }
}

/** A restic that answers as the real one. */
function restic(): string {
  const file = join(scratch(), "restic")
  writeFileSync(file, "#!/bin/sh\necho restic 0.18.0 compiled with go1.24.4 on linux/amd64\n")
  chmodSync(file, 0o755)
  return file
}

describe("cistern doctor", () => {
  it("without a daemon checks what it can and says what it could not", async () => {
    const { exitCode, status, checks } = await doctor(scratch(), {
      CISTERN_KOPIA: "/nonexistent/kopia",
      CISTERN_RESTIC: restic(),
    })
    expect(checks.map(({ name }) => name)).toEqual([
      "node",
      "memory",
      "clock",
      "state",
      "state privacy",
      "state space",
      "kopia",
      "restic",
      "daemon",
    ])
    expect(status("kopia")).toBe("warn")
    expect(status("restic")).toBe("ok")
    expect(status("daemon")).toBe("warn")
    expect(exitCode).toBe(status("state") === "fail" ? 1 : 0)
  })

  it("adds what the daemon sees, and ends with 1 when something fails", async () => {
    const body: DoctorJson = {
      checks: [{ name: "store tank", status: "fail", detail: "fenced", hint: "Mount it." }],
    }
    const { state, requests } = await answering(() => ({ status: 200, body }))
    const { exitCode, status } = await doctor(state)
    expect(requests.map(({ url }) => url)).toEqual(["/api/v1/doctor"])
    expect(status("daemon")).toBe("ok")
    expect(status("store tank")).toBe("fail")
    expect(exitCode).toBe(1)
  })

  it("notices a state from the future", async () => {
    const state = scratch()
    const later = Date.now() / 1000 + 86_400
    writeFileSync(join(state, "state.sqlite"), "")
    utimesSync(join(state, "state.sqlite"), later, later)
    expect((await doctor(state)).status("clock")).toBe("fail")
  })

  it("notices a state directory that is open to others", async () => {
    const state = join(scratch(), "state")
    mkdirSync(state)
    chmodSync(state, 0o755)
    expect((await doctor(state)).status("state privacy")).toBe("warn")
  })

  it("notices a state that is a file", async () => {
    const state = join(scratch(), "state")
    writeFileSync(state, "")
    const { exitCode, status } = await doctor(state)
    expect(status("state")).toBe("fail")
    expect(exitCode).toBe(1)
  })

  it("prints a line for each check and what to do below it", async () => {
    const { stdout } = await cli(["doctor"], {
      environment: { CISTERN_STATE: scratch(), CISTERN_KOPIA: "/nonexistent/kopia" },
    })
    expect(stdout).toMatch(/^ok {4}node: version \d+/m)
    expect(stdout).toMatch(
      /^warn {2}kopia: there is no program \/nonexistent\/kopia\n {6}Listing and deciding do not need it\./m,
    )
  })
})
