import { execFileSync } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { afterAll } from "vitest"

const root = join(import.meta.dirname, "../fixtures")
const unpacked = new Map<string, string>()
const temporary: string[] = []

afterAll(() => {
  for (const directory of temporary.splice(0)) rmSync(directory, { recursive: true, force: true })
  unpacked.clear()
})

/** A new empty directory, removed after the test file. */
export function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), "cistern-test-"))
  temporary.push(directory)
  return directory
}

/** Names such as "kopia/cluster-shared", of everything in test/fixtures. */
export function fixtureNames(engine: "kopia" | "restic"): string[] {
  return readdirSync(join(root, engine))
    .filter((name) => name.endsWith(".tar.gz"))
    .map((name) => `${engine}/${basename(name, ".tar.gz")}`)
}

/** What the real program said of a fixture. The caller knows the shape: test/fixtures/README.md. */
export function expectedOf(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(root, `${name}.expected.json`), "utf8")) as Record<string, unknown>
}

/** The unpacked fixture, shared by the tests of one file: never change it, take `fixtureCopy` for that. */
export function fixture(name: string): string {
  let directory = unpacked.get(name)
  if (directory === undefined) {
    const parent = scratch()
    execFileSync("tar", ["-xzpf", join(root, `${name}.tar.gz`), "-C", parent])
    directory = join(parent, basename(name))
    unpacked.set(name, directory)
  }
  return directory
}

/** A private copy that a test may damage, with the times of the files kept. */
export function fixtureCopy(name: string): string {
  const directory = join(scratch(), basename(name))
  // cp -a, because Node keeps times to the millisecond only and Kopia reads them to the nanosecond.
  execFileSync("cp", ["-a", fixture(name), directory])
  return directory
}
