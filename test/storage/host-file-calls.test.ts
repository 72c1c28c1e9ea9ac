import {
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { execFileSync } from "node:child_process"
import { describe, expect, it } from "vitest"
import { fileCalls } from "../../storage/host/index.js"
import { scratch } from "../support/fixtures.js"
import { compiled } from "../support/compiled.js"

const calls = fileCalls()

describe("calls of the C library", () => {
  it.each([0n, 1n, -1n, 1_700_000_000_123_456_789n, -86_400_500_000_001n, 4_102_444_800_999_999_999n])(
    "set a time of %s nanoseconds",
    (time) => {
      const file = join(scratch(), "file")
      writeFileSync(file, "")
      calls.setTimes(file, time)
      expect(statSync(file, { bigint: true })).toMatchObject({ mtimeNs: time, atimeNs: time })
    },
  )

  it("fail as Node's own do", () => {
    const place = scratch()
    const gone = join(place, "gone")
    const failure = (act: () => void): unknown => {
      try {
        act()
      } catch (error) {
        return error
      }
      return undefined
    }
    const set = () => {
      calls.setTimes(gone, 0n)
    }
    expect(failure(set)).toMatchObject({ code: "ENOENT", errno: -2, syscall: "utimensat", path: gone })
    mkdirSync(gone)
    const make = () => {
      calls.makeSpecial(Buffer.from(gone), "fifo", 0o600)
    }
    expect(failure(make)).toMatchObject({ code: "EEXIST", syscall: "mknod" })
    const attribute = () => {
      calls.setAttribute(gone, { name: "nonsense", value: Buffer.from("x") })
    }
    expect(failure(attribute)).toMatchObject({ code: "ENOTSUP" })
    expect(
      failure(() => {
        calls.setTimes("a\0b", 0n)
      }),
    ).toMatchObject({ code: "invalid" })
    expect(
      failure(() => {
        calls.tryLock(99_999)
      }),
    ).toMatchObject({ code: "EBADF" })
  })

  it("change what a descriptor is open on, a link itself among it", () => {
    const place = scratch()
    writeFileSync(join(place, "file"), "")
    symlinkSync("file", join(place, "link"))
    const before = statSync(join(place, "file"), { bigint: true }).mtimeNs
    const link = openSync(join(place, "link"), 0o10000000 | constants.O_NOFOLLOW)
    calls.setTimes(`/proc/self/fd/${link}`, 5n)
    closeSync(link)
    expect(lstatSync(join(place, "link"), { bigint: true }).mtimeNs).toBe(5n)
    expect(statSync(join(place, "file"), { bigint: true }).mtimeNs).toBe(before)
  })

  it("keep extended attributes byte by byte, and list them by name", () => {
    const file = join(scratch(), "file")
    writeFileSync(file, "")
    const attributes = [
      { name: "user.a", value: new Uint8Array() },
      { name: "user.b", value: Uint8Array.from({ length: 256 }, (_, at) => at) },
      { name: "user.ü", value: Uint8Array.of(0) },
    ]
    for (const one of [...attributes].reverse()) calls.setAttribute(file, one)
    expect(calls.attributes(file)).toEqual(attributes)
  })

  it("lock a file against every other opening of it", () => {
    const file = join(scratch(), "file")
    writeFileSync(file, "")
    const [one, other] = [openSync(file, "r"), openSync(file, "r")]
    expect([calls.tryLock(one), calls.tryLock(one), calls.tryLock(other)]).toEqual([true, true, false])
    closeSync(one)
    expect(calls.tryLock(other)).toBe(true)
    closeSync(other)
  })

  it("work with every Node that is here", () => {
    const code = compiled("storage")

    const place = scratch()
    const script = `
      import { fileCalls } from "${code}/storage/host/file-calls.js"
      import { statSync } from "node:fs"
      const calls = fileCalls(), file = process.argv[1]
      calls.makeSpecial(Buffer.from(file), "fifo", 0o600)
      calls.setTimes(file, 1700000000123456789n)
      console.log(String(statSync(file, { bigint: true }).mtimeNs), calls.attributes(file).length)`
    const nodes = [
      process.execPath,
      ...(process.env["CISTERN_OTHER_NODES"] ?? "").split(":").filter(existsSync),
    ]
    for (const [at, node] of nodes.entries()) {
      const said = execFileSync(node, ["--input-type=module", "-e", script, join(place, `fifo-${at}`)], {
        encoding: "utf8",
      })
      expect(said).toBe("1700000000123456789 0\n")
    }
  })
})
