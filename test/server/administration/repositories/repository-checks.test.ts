import { execFileSync } from "node:child_process"
import { chownSync } from "node:fs"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { judgeOwnership } from "../../../../server/administration/repositories/repository-checks.js"
import { Chain } from "../../../support/answers.js"
import { filesBelow } from "../../../support/damage.js"
import { scratch } from "../../../support/fixtures.js"
import { writeSyntheticKopia } from "../../../support/synthetic-kopia.js"

const app = { user: "app", host: "home", path: "/data" }

let chain: Chain | undefined
afterEach(() => chain?.stop())

async function doctorOf(indexBlobs: number, harm: (kopia: string) => void = () => undefined) {
  const store = scratch()
  const kopia = join(store, "kopia")
  writeSyntheticKopia(kopia, {
    password: "files",
    snapshots: 3,
    identities: [app],
    indexBlobs,
    packsMentioned: indexBlobs,
  })
  execFileSync("chown", ["-R", "568:568", kopia])
  harm(kopia)
  chain = new Chain({ state: scratch() })
  await chain.apply({
    stores: [{ name: "nas", path: store, allowRoot: true }],
    clusters: [{ name: "home", networks: ["10.0.0.0/8"] }],
    repositories: [
      {
        name: "shared",
        cluster: "home",
        engine: "kopia",
        store: "nas",
        path: "kopia",
        password: { value: "files" },
        conventions: ["{pvc}@{namespace}:/data"],
      },
    ],
  })
  await chain.lookAgain()
  const { checks } = await chain.administration.doctor()
  return (name: string) => checks.find((check) => check.name === `${name} of repository shared`)
}

describe("the doctor", () => {
  it("says whose a repository's files are, and how many index files count", async () => {
    const check = await doctorOf(2)
    expect(check("files")).toMatchObject({
      status: "ok",
      detail: expect.stringContaining("568:568") as string,
    })
    expect(check("index files")).toMatchObject({ status: "ok", detail: "2 count" })
  })

  it("warns of files that another user's mover wrote, by name", async () => {
    let other = ""
    const check = await doctorOf(1, (kopia) => {
      other = filesBelow(kopia, /^q/)[0] ?? ""
      chownSync(other, 1000, 1000)
    })
    expect(check("files")).toMatchObject({
      status: "warn",
      detail: expect.stringContaining(`1 belong to 1000:1000 (such as ${other})`) as string,
      hint: expect.stringContaining("cistern directories") as string,
    })
  })

  it("warns when more index files count than maintenance would leave", async () => {
    const check = await doctorOf(1_100)
    expect(check("index files")).toMatchObject({
      status: "warn",
      detail: "1100 count",
      hint: expect.stringContaining("KopiaMaintenance") as string,
    })
  })
})

describe("files that the daemon may not read", () => {
  const sample = { directory: "/tank/kopia", uid: 568, gid: 568, mode: 0o700, looked: 40 }
  const owners = [{ uid: 568, gid: 568, count: 40, example: "/tank/kopia" }]

  it("are counted over all that was looked at, with one of them by name", () => {
    const some = { ...sample, owners, unreadable: { count: 3, example: "/tank/kopia/p/1.f" } }
    const check = judgeOwnership("files", [{ ...sample, owners, unreadable: undefined }, some], 1000)
    expect(check).toMatchObject({
      status: "warn",
      detail: "3 of 80 looked at may not be read by the daemon's user (uid 1000), such as /tank/kopia/p/1.f",
    })
    expect(check.hint).not.toBeNull()
  })
})
