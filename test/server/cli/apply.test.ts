import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { beforeEach, describe, expect, it } from "vitest"
import { applyDocument } from "../../../server/administration/apply.js"
import { AgreedExports } from "../../../server/administration/exports/agreed-exports.js"
import { systemClock } from "../../../server/catalog/index.js"
import { Acknowledgements, openDatabase } from "../../../server/db/index.js"
import { type Document, emptyDocument } from "../../../server/config/index.js"
import { applyRequest } from "../../../server/http/contract/admin.js"
import { HttpError } from "../../../server/http/index.js"
import type { FenceRecord } from "../../../storage/disk/index.js"
import { type AdminRequest, answering } from "../../support/admin-socket.js"
import { cli, type CliInput } from "../../support/cli.js"
import { scratch } from "../../support/fixtures.js"

const base = "stores:\n  - { name: tank, path: /mnt/tank }\nclusters:\n  - { name: home }\n"
const shared = (more: string) =>
  `${base}repositories:\n  - { name: shared, cluster: home, engine: kopia, store: tank, path: kopia, ${more} }\n`

/** The state behind the socket: a document, and secrets by their names. */
let current: Document
let secrets: Map<string, string>
let agreements: AgreedExports

beforeEach(() => {
  current = emptyDocument
  secrets = new Map()
  agreements = new AgreedExports(new Acknowledgements(openDatabase(scratch()).connection), systemClock)
})

/** Every store is fenced already. */
function fence(store: string): FenceRecord {
  const filesystem = { type: "zfs", source: store, root: "/", uuid: undefined, strength: "source" } as const
  return { realPath: `/mnt/${store}`, mountPoint: `/mnt/${store}`, filesystem, sentinel: store }
}

/** The daemon's own apply, over a state in memory and without stores on a disk. */
const parts: Parameters<typeof applyDocument>[2] = {
  shelf: {
    current: () => current,
    replace: (next, values) => {
      current = next
      for (const [name, value] of values) secrets.set(name, value)
    },
  },
  secrets: {
    has: (name) => secrets.has(name),
    holds: (name, value) => secrets.get(name) === value,
  },
  jobs: () => [],
  fenceOf: (store) => fence(store),
  takeStoreFence: () => Promise.reject(new Error("every store is fenced already")),
  adoptLedger: () => Promise.resolve([]),
  get agreements() {
    return agreements
  },
  declared: () => undefined,
  record: () => undefined,
}

async function respond({ body }: AdminRequest): Promise<{ status: number; body: unknown }> {
  try {
    const request = applyRequest.parse(body)
    const result = await applyDocument(request, "a test", parts)
    return { status: result.applied || request.dryRun ? 200 : 409, body: result }
  } catch (error) {
    if (!(error instanceof HttpError)) throw error
    const { status, code, message, hint, problems } = error
    return { status, body: { code, message, hint, ...(problems === undefined ? {} : { problems }) } }
  }
}

async function apply(text: string, args: readonly string[] = [], input: CliInput = {}) {
  const { state, requests } = await answering(respond)
  const file = join(scratch(), "document.yaml")
  writeFileSync(file, text)
  const result = await cli(["apply", "-f", file, ...args], {
    ...input,
    environment: { CISTERN_STATE: state },
  })
  return { ...result, requests, file }
}

describe("cistern apply", () => {
  it("shows what changes and applies it", async () => {
    const { exitCode, stdout, stderr } = await apply(shared("password: { file: /run/k }"))
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" })
    expect(stdout).toBe("+ added store tank\n+ added cluster home\n+ added repository shared\nApplied.\n")
    expect(current.repositories.map(({ name }) => name)).toEqual(["shared"])
  })

  it("does nothing the second time", async () => {
    await apply(shared("password: { file: /run/k }"))
    const { exitCode, stdout, requests } = await apply(shared("password: { file: /run/k }"))
    expect(exitCode).toBe(0)
    expect(stdout).toBe("Nothing changes.\n  unchanged: store tank, cluster home, repository shared\n")
    expect(requests).toHaveLength(1)
  })

  it("only shows with --dry-run", async () => {
    const { exitCode, stdout } = await apply(base, ["--dry-run"])
    expect(exitCode).toBe(0)
    expect(stdout).toBe("+ added store tank\n+ added cluster home\n")
    expect(current).toBe(emptyDocument)
  })

  it("shows fields before and after, and what is left alone", async () => {
    await apply(shared("password: { file: /run/k }"))
    const { stdout } = await apply(
      "repositories:\n  - { name: shared, cluster: home, engine: kopia, store: tank, path: kopia, password: { file: /run/l } }\n",
    )
    expect(stdout).toBe(
      "~ changed repository shared\n" +
        '    password: {"file":"/run/k"} -> {"file":"/run/l"}\n' +
        "  not in the document, left alone: store tank, cluster home\n" +
        "Applied.\n",
    )
  })

  it("reads standard input", async () => {
    const { state } = await answering(respond)
    const { exitCode } = await cli(["apply", "-f", "-"], {
      stdin: base,
      environment: { CISTERN_STATE: state },
    })
    expect(exitCode).toBe(0)
    expect(current.stores).toHaveLength(1)
  })

  it("prints one JSON document with --json", async () => {
    const { stdout } = await apply(base, ["--json"])
    expect(JSON.parse(stdout)).toMatchObject({
      applied: true,
      changes: [
        { kind: "added", of: "store" },
        { kind: "added", of: "cluster" },
      ],
    })
  })

  it("does not apply over what another applied since the diff", async () => {
    const { state } = await answering(async (request) => {
      const answer = await respond(request)
      // Between the dry run and the second request somebody else is quicker.
      if (current === emptyDocument)
        current = { ...emptyDocument, stores: [{ name: "x", path: "/x", allowRoot: false }] }
      return answer
    })
    const result = await cli(["apply", "-f", "-"], { stdin: base, environment: { CISTERN_STATE: state } })
    expect(result.exitCode).toBe(4)
    expect(result.stderr).toContain("[stale_plan]")
    expect(current.stores.map(({ name }) => name)).toEqual(["x"])
  })
})

describe("cistern apply of what loosens a decision", () => {
  async function loosening() {
    await apply(shared("decides: restore"))
    return apply(shared("decides: guard"))
  }

  it("ends with 4 and prints the ids, and applies nothing", async () => {
    const { exitCode, stdout, stderr } = await loosening()
    expect(exitCode).toBe(4)
    expect(stdout).toMatch(
      /must be acknowledged: repository shared: what it decides changes from restore to guard\n {2}--accept shared\/decides-[0-9a-f]{8}\n$/,
    )
    expect(stderr).toMatch(/^Nothing was applied\. Acknowledge with: --accept shared\/decides-[0-9a-f]{8}\n$/)
    expect(current.repositories[0]?.decides).toBe("restore")
  })

  it("applies once that very id is accepted", async () => {
    const { stdout } = await loosening()
    const id = /--accept (\S+)/.exec(stdout)?.[1] ?? ""
    const { exitCode } = await apply(shared("decides: guard"), ["--accept", id])
    expect(exitCode).toBe(0)
    expect(current.repositories[0]?.decides).toBe("guard")
  })

  it("does not take an id for another change", async () => {
    const { stdout } = await loosening()
    const id = /--accept (\S+)/.exec(stdout)?.[1] ?? ""
    const { exitCode } = await apply(shared("decides: no"), ["--accept", id])
    expect(exitCode).toBe(4)
    expect(current.repositories[0]?.decides).toBe("restore")
  })
})

describe("cistern apply at a terminal", () => {
  it.each([
    ["y\n", 1],
    ["yes\n", 1],
    ["n\n", 0],
    ["\n", 0],
    ["", 0],
  ])("asks first: %j", async (stdin, stores) => {
    const { exitCode, stderr } = await apply(base, [], { terminal: true, stdin })
    expect(exitCode).toBe(0)
    expect(stderr).toContain("Apply these changes? [y/N] ")
    expect(current.stores).toHaveLength(stores)
  })

  it("does not ask with --yes", async () => {
    const { stderr } = await apply(base, ["--yes"], { terminal: true })
    expect(stderr).toBe("")
    expect(current.stores).toHaveLength(1)
  })
})

describe("cistern apply of a faulty document", () => {
  it("names the file and each line, and ends with 2", async () => {
    const { exitCode, stdout, stderr, file, requests } = await apply(`${base}shops: []\nexports: 7\n`)
    expect({ exitCode, stdout, requests }).toEqual({ exitCode: 2, stdout: "", requests: [] })
    expect(stderr).toContain(`error: ${file} cannot be applied:\n`)
    expect(stderr).toContain("  5:1 shops: unknown key\n")
    expect(stderr).toContain("  6:1 exports: expected array, received number")
  })

  it("tells what only the daemon can know with its line", async () => {
    const { exitCode, stderr } = await apply(`${base}exports:\n  - { store: none, cluster: home }\n`)
    expect(exitCode).toBe(2)
    expect(stderr).toContain("exports.none: for home.store: there is no store named none")
  })

  it("that is not there ends with 2", async () => {
    const { exitCode, stderr } = await cli(["apply", "-f", "/nonexistent.yaml"])
    expect(exitCode).toBe(2)
    expect(stderr).toContain("/nonexistent.yaml cannot be read (ENOENT)")
  })
})

describe("a secret value in a document", () => {
  it.each([[[]], [["--json"]], [["--dry-run"]], [["--dry-run", "--json"]]])(
    "is in nothing that is printed: %j",
    async (args) => {
      await apply(shared("password: { value: 0ld-Tr0ub4dor }"))
      const { stdout, stderr } = await apply(shared("password: { value: n3w-Tr0ub4dor }"), args)
      expect(stdout + stderr).not.toContain("Tr0ub4dor")
      expect(stdout).toContain("repositories/shared/password")
    },
  )
})
