import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { ApplyJson } from "../../../../server/http/contract/admin.js"
import { KernelServer } from "../../../../storage/nfs/index.js"
import { Chain } from "../../../support/answers.js"
import { ExportfsMachine } from "../../../support/exportfs.js"
import { scratch } from "../../../support/fixtures.js"

let chain: Chain
let machine: ExportfsMachine
let state: string
let store: string

beforeEach(() => {
  machine = new ExportfsMachine()
  ;[store, state] = [scratch(), scratch()]
  for (const name of ["kopia", "other"]) mkdirSync(join(store, name))
  chain = started()
})

afterEach(async () => {
  await chain.administration.exportKeeper.stop()
  await chain.stop()
})

function started(): Chain {
  const nfsServer = new KernelServer("0123456789abcdef", () => machine.reload(), machine.files)
  const one = new Chain({ state, nfsServer })
  one.administration.exportKeeper.start(3_600_000)
  return one
}

async function restart(): Promise<void> {
  await chain.administration.exportKeeper.stop()
  await chain.stop()
  chain = started()
  await chain.administration.exportKeeper.look()
}

const entry = { store: "nas", path: "kopia", cluster: "home", access: "readWrite" }

function apply(
  networks: readonly string[],
  more: { iKnow?: boolean; exports?: object[] } = {},
): Promise<ApplyJson> {
  const { exports = [entry], ...options } = more
  const document = JSON.stringify({
    stores: [{ name: "nas", path: store, allowRoot: true }],
    clusters: [{ name: "home", networks }],
    exports,
  })
  return chain.administration.apply(
    { document, dryRun: false, remove: true, accept: [], ...options },
    "admin",
  )
}

const served = (): string[] =>
  machine.etab
    .split("\n")
    .filter((line) => line !== "")
    .map((line) =>
      line
        .replace(`${store}/`, "")
        .replace("\t", " ")
        .replace(/\((r[ow]),.*/, " $1"),
    )
    .sort()

const options = ({ acknowledgements }: ApplyJson): string[] =>
  acknowledgements.map(({ option, accepted }) => `${option} ${accepted}`)

describe("an export by which everybody may write", () => {
  it("is not declared before somebody said that it is meant", async () => {
    const refused = await apply(["0.0.0.0/0"])
    expect(refused.applied).toBe(false)
    expect(options(refused)).toEqual(["--i-know false"])
    expect(refused.acknowledgements[0]?.why).toContain(`everybody may write, change and delete`)
    expect(chain.administration.document().document).toMatchObject({ exports: [] })
    expect(served()).toEqual([])
  })

  it("is kept from then on, over a restart, and is not asked for again", async () => {
    expect((await apply(["0.0.0.0/0", "::/0"], { iKnow: true })).applied).toBe(true)
    expect(served()).toEqual(["kopia 0.0.0.0/0 rw", "kopia ::/0 rw"])
    const again = await apply(["::/0", "0.0.0.0/0"])
    expect({ applied: again.applied, options: options(again) }).toEqual({ applied: true, options: [] })
    await restart()
    expect(served()).toEqual(["kopia 0.0.0.0/0 rw", "kopia ::/0 rw"])
    const [shown] = (await chain.administration.exports()).exports
    expect(shown).toMatchObject({ state: "exported", everybody: true })
  })

  it.each([
    ["to others", () => apply(["0.0.0.0/1"])],
    ["in another directory", () => apply(["0.0.0.0/0"], { exports: [{ ...entry, path: "other" }] })],
    ["as another user", () => apply(["0.0.0.0/0"], { exports: [{ ...entry, squash: { uid: 1, gid: 1 } }] })],
  ])("is asked for again when it is another one: %s", async (_, change) => {
    await apply(["0.0.0.0/0"], { iKnow: true })
    const refused = await change()
    expect({ applied: refused.applied, options: options(refused) }).toEqual({
      applied: false,
      options: ["--i-know false"],
    })
    expect(served()).toEqual(["kopia 0.0.0.0/0 rw"])
  })

  it("is asked for again after it was not declared for a while", async () => {
    await apply(["0.0.0.0/0"], { iKnow: true })
    await apply(["192.168.10.0/24"])
    expect(served()).toEqual(["kopia 192.168.10.0/24 rw"])
    expect((await apply(["0.0.0.0/0"])).applied).toBe(false)
  })

  it("is not agreed to by what agrees to loosened decisions", async () => {
    const refused = await apply(["0.0.0.0/0"])
    const accept = refused.acknowledgements.map(({ id }) => id)
    const document = JSON.stringify({
      stores: [{ name: "nas", path: store, allowRoot: true }],
      clusters: [{ name: "home", networks: ["0.0.0.0/0"] }],
      exports: [entry],
    })
    const { applied } = await chain.administration.apply(
      { document, dryRun: false, remove: false, accept },
      "admin",
    )
    expect(applied).toBe(false)
  })

  describe("of a document that an earlier version kept", () => {
    beforeEach(async () => {
      await apply(["0.0.0.0/0"], { iKnow: true })
      chain.database.connection.exec("DELETE FROM acknowledgement")
      await restart()
    })

    const exportsApply = (more: object) =>
      chain.administration.applyExports({ dryRun: false, replace: false, ...more }, "admin")

    it("is withdrawn, and exported when it is agreed to", async () => {
      expect(served()).toEqual([])
      const [shown] = (await chain.administration.exports()).exports
      expect(shown).toMatchObject({ state: "refused", problem: { code: "everybody_writes" } })
      await expect(exportsApply({})).rejects.toMatchObject({ status: 409, code: "everybody_writes" })
      const plan = await exportsApply({ dryRun: true, iKnow: true })
      expect(plan.everybody).toHaveLength(1)
      expect(plan.added).toHaveLength(1)
      expect(served()).toEqual([])
      expect(await exportsApply({ iKnow: true, basis: plan.basis })).toMatchObject({ applied: true })
      expect(served()).toEqual(["kopia 0.0.0.0/0 rw"])
      await restart()
      expect(served()).toEqual(["kopia 0.0.0.0/0 rw"])
      expect((await exportsApply({})).everybody).toEqual([])
    })

    it("is agreed to by applying the same document again", async () => {
      expect((await apply(["0.0.0.0/0"])).applied).toBe(false)
      expect((await apply(["0.0.0.0/0"], { iKnow: true })).applied).toBe(true)
      expect(served()).toEqual(["kopia 0.0.0.0/0 rw"])
    })
  })
})
