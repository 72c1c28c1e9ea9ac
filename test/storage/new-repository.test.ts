import {
  chmodSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { type EngineRun, GIVEN_REPOSITORY, runEngine } from "../../storage/host/index.js"
import { newRepositoryCommand, Secret } from "../../storage/index.js"
import { scratch } from "../support/fixtures.js"
import { until } from "../support/until.js"

const PASSWORD = "never in an argument list"
const ourselves = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 }

describe.each(["kopia", "restic"] as const)("the command line of %s that makes a repository", (engine) => {
  const { args, environment, secrets } = newRepositoryCommand(engine, {
    repository: GIVEN_REPOSITORY,
    home: "/tmp/home",
    password: new Secret(PASSWORD),
  })

  it("holds no secret, and says the format in full", () => {
    expect(JSON.stringify({ args, environment, secrets })).not.toContain(PASSWORD)
    expect(Object.values(secrets).map((secret) => secret.reveal())).toEqual([PASSWORD])
    const format =
      engine === "restic"
        ? ["--repository-version", "2"]
        : [
            "--format-version=3",
            "--block-hash=BLAKE2B-256-128",
            "--encryption=AES256-GCM-HMAC-SHA256",
            "--object-splitter=DYNAMIC-4M-BUZHASH",
            "--ecc-overhead-percent=0",
            "--no-persist-credentials",
          ]
    expect(args).toEqual(expect.arrayContaining(format))
  })
})

function engine(script: string): string {
  const folder = scratch()
  chmodSync(folder, 0o755)
  const file = join(folder, "engine")
  writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  return file
}

async function run(script: string, more: Partial<EngineRun> = {}): Promise<string> {
  const path = scratch()
  chmodSync(path, 0o777)
  const descriptor = openSync(path, constants.O_RDONLY)
  try {
    return await runEngine({
      program: engine(script),
      command: () => ({ args: ["init"], environment: {}, secrets: { PASSWORD: new Secret(PASSWORD) } }),
      repository: { descriptor, path },
      user: ourselves,
      ...more,
    })
  } finally {
    closeSync(descriptor)
  }
}

/** Folders of engines that are there now. */
function homes(): string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith("cistern-engine-"))
}

describe("a run of an engine", () => {
  it("has nothing of the daemon's environment, a folder of its own, and the user whose the files shall be", async () => {
    process.env["CISTERN_TEST_LEAK"] = "leaked"
    const user = { uid: 568, gid: 569 }
    const said = await run(
      'env; id -u; id -g; id -G; stat -c "%u %a" .; touch own; echo made > /proc/self/fd/3/made; stat -c %u /proc/self/fd/3/made',
      { user },
    )
    delete process.env["CISTERN_TEST_LEAK"]
    expect(said).not.toContain("leaked")
    expect(said).toContain(`PASSWORD=${PASSWORD}`)
    expect(said).toContain("\n568\n569\n569\n568 700\n568")
    const home = /^HOME=(.*)$/m.exec(said)?.[1] ?? ""
    expect(home).toContain("cistern-engine-")
    expect(homes()).not.toContain(home.split("/").at(-1))
  })

  it("is ended when it hangs, and leaves no folder", async () => {
    const marker = join(scratch(), "pid")
    const hanging = run(`echo "$$ $HOME" > ${marker}; exec sleep 600`, { milliseconds: 1_000 })
    await expect(hanging).rejects.toMatchObject({ code: "timeout" })
    const [pid = "", home = ""] = readFileSync(marker, "utf8").trim().split(" ")
    await until(
      () => isAlive(Number(pid)),
      (alive) => !alive,
      "the engine to be gone",
    )
    expect(homes()).not.toContain(home.split("/").at(-1))
  })

  it.each([
    ["Fatal: write: no space left on device", "io"],
    ["Fatal: permission denied", "unreadable"],
    ["Fatal: the moon is wrong", "unsupported"],
  ])("that fails with %s tells that, with the place's own name", async (said, code) => {
    await expect(run(`echo "${said} in /proc/self/fd/3/config" >&2; exit 1`)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(/cistern-test.*\/config/) as string,
    })
  })

  it("is not begun with a password that no program can be given", async () => {
    const command: EngineRun["command"] = () => ({
      args: [],
      environment: {},
      secrets: { PASSWORD: new Secret("a\0b") },
    })
    await expect(run("exit 0", { command })).rejects.toMatchObject({ code: "invalid" })
  })

  it("of a program that its user may not run says so", async () => {
    const folder = scratch()
    mkdirSync(join(folder, "closed"), { mode: 0o700 })
    const program = join(folder, "closed/engine")
    writeFileSync(program, "#!/bin/sh\n", { mode: 0o755 })
    await expect(run("", { program, user: { uid: 568, gid: 568 } })).rejects.toMatchObject({
      code: "unreadable",
    })
  })
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
