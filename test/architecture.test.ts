import { spawnSync } from "node:child_process"
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { describe, expect, it } from "vitest"
import { scratch } from "./support/fixtures.js"

const root = join(import.meta.dirname, "..")
const rules = createRequire(import.meta.url)("../.dependency-cruiser.cjs") as {
  forbidden: { name: string }[]
}

interface Violation {
  readonly from: string
  readonly to: string
  readonly rule: { readonly name: string }
}

/** What the rules of the house object to in a directory, by the same program and file that `npm run check` uses. */
function violationsIn(directory: string, folders: readonly string[]): Violation[] {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [
      join(root, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs"),
      "--config=.dependency-cruiser.cjs",
      "--output-type=json",
      ...folders,
    ],
    { cwd: directory, encoding: "utf8", maxBuffer: 256 * 1024 * 1024 },
  )
  if (stdout === "") throw new Error(`dependency-cruiser said nothing but: ${stderr}`)
  return (JSON.parse(stdout) as { summary: { violations: Violation[] } }).summary.violations
}

/** A house of a few files under the real rules. The keys are paths, the values TypeScript. */
function house(files: Readonly<Record<string, string>>): string {
  const directory = scratch()
  for (const name of [".dependency-cruiser.cjs", "package.json", "tsconfig.json"])
    copyFileSync(join(root, name), join(directory, name))
  symlinkSync(join(root, "node_modules"), join(directory, "node_modules"))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true })
    writeFileSync(join(directory, path), text)
  }
  return directory
}

/** Every line breaks exactly the rule that it stands under. */
const offences: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "no-circles": {
    "storage/bytes/hen.ts": `export { egg } from "./egg.js"\nexport const hen = 1`,
    "storage/bytes/egg.ts": `import { hen } from "./hen.js"\nexport const egg = hen`,
  },
  "storage-stands-alone": {
    "storage/disk/asks-the-server.ts": `import { config } from "../../server/config.js"\nexport const a = config`,
    "storage/disk/knows-its-types.ts": `import type { Config } from "../../server/config.js"\nexport type A = Config`,
    "storage/disk/uses-test-code.ts": `import { help } from "../../test/support/help.js"\nexport const a = help`,
  },
  "storage-no-server-libraries": {
    "storage/disk/speaks-http.ts": `import express from "express"\nexport const app = express()`,
    "storage/disk/asks-sqlite.ts": `import Database from "better-sqlite3"\nexport const db = new Database("a")`,
    "storage/disk/logs.ts": `import { pino } from "pino"\nexport const log = pino()`,
    "storage/disk/types-of-http.ts": `import type { Request } from "express"\nexport type R = Request`,
  },
  "only-nas-talks-to-systems": {
    "storage/disk/validates.ts": `import { z } from "zod"\nexport const schema = z.string()`,
    "storage/nfs/calls.ts": `import { WebSocket } from "ws"\nexport const socket = WebSocket`,
  },
  "only-host-starts-processes": {
    "storage/disk/spawns.ts": `import { spawn } from "node:child_process"\nexport const a = spawn`,
    "storage/disk/spawns-by-its-old-name.ts": `import { spawn } from "child_process"\nexport const a = spawn`,
    "server/jobs/spawns.ts": `import * as processes from "node:child_process"\nexport const a = processes`,
    "server/jobs/spawns-later.ts": `export const a = () => import("node:child_process")`,
    "server/jobs/uses-execa.ts": `import { execa } from "execa"\nexport const a = execa`,
    "storage/hardware/asks-by-itself.ts": `import { mem } from "systeminformation"\nexport const a = mem`,
    "server/jobs/forks.ts": `import cluster from "node:cluster"\nexport const a = cluster`,
  },
  "only-host-calls-the-c-library": {
    "storage/disk/calls.ts": `import koffi from "koffi"\nexport const a = koffi`,
    "server/jobs/calls.ts": `import koffi from "koffi"\nexport const a = koffi`,
  },
  "engines-do-not-know-each-other": {
    "storage/kopia/borrows.ts": `import { restic } from "../restic/index.js"\nexport const a = restic`,
    "storage/restic/borrows.ts": `import { kopia } from "../kopia/index.js"\nexport const a = kopia`,
    "storage/copies/borrows.ts": `import type { Kopia } from "../kopia/index.js"\nexport type A = Kopia`,
  },
  "nas-systems-do-not-know-each-other": {
    "storage/nas/truenas/borrows.ts": `import { synology } from "../synology/index.js"\nexport const a = synology`,
    "storage/nas/synology/borrows.ts": `import type { Truenas } from "../truenas/index.js"\nexport type A = Truenas`,
  },
  "rooms-have-doors": {
    "server/catalog/climbs-into-a-nas.ts": `import { api } from "../../storage/nas/synology/api.js"\nexport const a = api`,
    "server/catalog/climbs-in.ts": `import { pack } from "../../storage/kopia/pack.js"\nexport const a = pack`,
    "server/catalog/climbs-in-for-types.ts": `import type { Pack } from "../../storage/kopia/pack.js"\nexport type A = Pack`,
    "server/catalog/inner-door.ts": `import { inner } from "../../storage/kopia/index/index.js"\nexport const a = inner`,
  },
  "server-imports-no-pages": {
    "server/http/renders.ts": `import { page } from "../../ui/page.js"\nexport const a = page`,
    "server/http/tests-itself.ts": `import { help } from "../../test/support/help.js"\nexport const a = help`,
  },
  "only-main-knows-all-parts": {
    "server/http/starts-all.ts": `import { main } from "../main.js"\nexport const a = main`,
    "server/cli/starts-all.ts": `import { main } from "../main.js"\nexport const a = main`,
  },
  "only-main-puts-together": {
    "server/http/puts-together.ts": `import { core } from "../daemon/core.js"\nexport const a = core`,
  },
  "no-unknown-dependencies": {
    "server/http/uses-a-test-library.ts": `import { test } from "vitest"\nexport const a = test`,
    "server/http/uses-what-no-one-declared.ts": `import { a } from "not-in-package-json"\nexport const b = a`,
    "storage/disk/uses-what-came-along.ts": `import semver from "semver"\nexport const a = semver`,
  },
}

const soundHouse: Readonly<Record<string, string>> = {
  "server/daemon/core.ts": `export const core = 1`,
  "server/daemon/index.ts": `import { core } from "./core.js"\nexport const all = core`,
  "server/main.ts": `import { all } from "./daemon/index.js"\nimport { kopia } from "../storage/kopia/index.js"\nimport { synology } from "../storage/nas/synology/index.js"\nimport express from "express"\nexport const main = [all, kopia, synology, express]`,
  "server/config.ts": `import { errors } from "../storage/errors.js"\nexport const config = errors\nexport type Config = string`,
  "server/cli/serve.ts": `import { main } from "../main.js"\nexport const serve = main`,
  "storage/errors.ts": `export const errors = 1`,
  "storage/kopia/index.ts": `import { pack } from "./pack.js"\nexport const kopia = pack\nexport type Kopia = string`,
  "storage/kopia/pack.ts": `import { errors } from "../errors.js"\nimport type { Kopia } from "./index.js"\nexport const pack: Kopia = String(errors)\nexport type Pack = string`,
  "storage/kopia/index/index.ts": `export const inner = 1`,
  "storage/restic/index.ts": `export const restic = 1`,
  "storage/copies/index.ts": `export const copies = 1`,
  "storage/nas/a-system/index.ts": `import { WebSocket } from "ws"\nimport { z } from "zod"\nexport const system = [WebSocket, z]`,
  "storage/nas/synology/index.ts": `import { api } from "./api.js"\nexport const synology = api`,
  "storage/nas/synology/api.ts": `import { z } from "zod"\nexport const api = z.string()`,
  "storage/nas/truenas/index.ts": `export const truenas = 1\nexport type Truenas = string`,
  "storage/host/run.ts": `import { spawn } from "node:child_process"\nimport { execa } from "execa"\nexport const run = [spawn, execa]`,
  "storage/nfs/a-system.ts": `import { system } from "../nas/a-system/index.js"\nexport const server = system`,
  "test/support/help.ts": `import { kopia } from "../../storage/kopia/index.js"\nexport const help = kopia`,
  "ui/page.ts": `export const page = 1`,
}

describe("the house", () => {
  it("keeps its own rules", () => {
    const found = violationsIn(root, ["storage", "server", "test"])
    expect(found.map(({ rule, from, to }) => `${rule.name}: ${from} imports ${to}`)).toEqual([])
  })

  it("has an offence below for each of its rules", () => {
    expect(Object.keys(offences).sort()).toEqual(rules.forbidden.map((rule) => rule.name).sort())
  })

  it("lets a sound house pass, with a circle of types in it", () => {
    expect(violationsIn(house(soundHouse), ["storage", "server", "test"])).toEqual([])
  })

  describe("forbids", () => {
    const broken = Object.assign({}, soundHouse, ...Object.values(offences)) as Record<string, string>
    let found: Violation[] | undefined

    for (const [rule, files] of Object.entries(offences))
      it.each(Object.keys(files))(`${rule}: %s`, (path) => {
        found ??= violationsIn(house(broken), ["storage", "server", "test"])
        const here = found.filter((violation) => violation.from === path || violation.to === path)
        expect([...new Set(here.map((violation) => violation.rule.name))]).toEqual([rule])
      })
  })
})
