import { chmodSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { engineVersion } from "../../storage/host/index.js"
import { scratch } from "../support/fixtures.js"

/** A program that writes `answer` and ends with `exitCode`. */
function program(answer: string, exitCode = 0): string {
  const file = join(scratch(), "program")
  writeFileSync(file, `#!/bin/sh\ncat <<'END'\n${answer}\nEND\nexit ${exitCode}\n`)
  chmodSync(file, 0o755)
  return file
}

describe("the version of an engine", () => {
  it.each([
    ["kopia", "0.22.3 build: 7a3e9d from: kopia/kopia", "0.22.3"],
    ["kopia", "v0-unofficial build: -(unknown_revision) from: ", "unofficial"],
    ["kopia", "20260101.0.1 build: abc from: kopia/kopia", "20260101.0.1"],
    ["restic", "restic 0.18.0 compiled with go1.24.4 on linux/amd64", "0.18.0"],
    ["restic", "restic 0.19.1-dev (compiled manually) compiled with go1.25 on linux/arm64", "0.19.1-dev"],
  ] as const)("is what %s says: %s", async (engine, answer, version) => {
    expect((await engineVersion(engine, program(answer))).version).toBe(version)
  })

  it("is not taken from another program", async () => {
    await expect(
      engineVersion("kopia", program("restic 0.18.0 compiled with go1.24.4")),
    ).rejects.toMatchObject({
      code: "unsupported",
    })
  })

  it("of a program that fails is not believed", async () => {
    await expect(engineVersion("restic", program("restic 0.18.0 compiled with go", 1))).rejects.toMatchObject(
      { code: "unsupported", message: expect.stringContaining("exit code 1") as string },
    )
  })

  it("of a program that is not there is `missing`", async () => {
    await expect(engineVersion("restic", "/nonexistent/restic")).rejects.toMatchObject({ code: "missing" })
  })

  it("of a file that is no program is `unreadable`", async () => {
    const file = join(scratch(), "program")
    writeFileSync(file, "restic 0.18.0 compiled with go")
    await expect(engineVersion("restic", file)).rejects.toMatchObject({ code: "unreadable" })
  })

  it("is asked without a shell and without the environment", async () => {
    const directory = scratch()
    const file = join(directory, "a program; with $(names)")
    writeFileSync(file, '#!/bin/sh\necho "restic 1.$(env | grep -c CISTERN_PASSWORD) compiled"\n')
    chmodSync(file, 0o755)
    process.env["CISTERN_PASSWORD"] = "Tr0ub4dor"
    try {
      expect((await engineVersion("restic", file)).version).toBe("1.0")
    } finally {
      delete process.env["CISTERN_PASSWORD"]
    }
  })
})
