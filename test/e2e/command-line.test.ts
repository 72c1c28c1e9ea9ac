import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { documentFile, startDaemon } from "../support/daemon.js"
import { exportfs, ExportfsMachine } from "../support/exportfs.js"
import { scratch } from "../support/fixtures.js"
import { writeSyntheticKopia } from "../support/synthetic-kopia.js"
import { until } from "../support/until.js"
import { shell } from "./console.js"
import { documentOf, sharedKopia, sharedStore } from "./fleet.js"

/** The command of ours that the hint of an answer names. */
function actOf(error: string | undefined): string {
  const act = /`(cistern [^`]+)`/.exec(error ?? "")?.[1]
  if (act === undefined) throw new Error(`no act in: ${error ?? ""}`)
  return act
}

describe("the command line beside a running daemon", () => {
  it("says what the daemon answers, with the exit code of the decision", async () => {
    const { store } = sharedStore()
    const daemon = await startDaemon({ document: documentOf(store, [sharedKopia]) })
    await daemon.answers("home/home-assistant", "restore")
    const [restore, fresh, unknown, volumes, snapshots] = await Promise.all([
      shell("cistern exists home/home-assistant", daemon),
      shell("cistern exists home/brand-new --json", daemon),
      shell("cistern exists home/zigbee2mqtt", daemon),
      shell("cistern volumes --json", daemon),
      shell("cistern snapshots --namespace home --pvc home-assistant --json", daemon),
    ])
    expect(restore).toMatchObject({ exitCode: 0, stderr: "" })
    expect(restore.stdout).toMatch(/^restore {2}home\/home-assistant\n/)
    expect(fresh.exitCode).toBe(0)
    expect(JSON.parse(fresh.stdout)).toMatchObject({ decision: "fresh", evidence: { snapshots: 0 } })
    expect(unknown.exitCode).toBe(3)
    expect(unknown.stdout).toContain("newest_incomplete")
    expect(volumes.stdout).toContain('"pvc": "grafana"')
    expect((JSON.parse(snapshots.stdout) as { snapshots: unknown[] }).snapshots).toHaveLength(10)
  })

  it("shows what is to be exported, which the real exportfs takes", async () => {
    const { store } = sharedStore()
    const exported = { store: "tank", path: "kopia", cluster: "home", access: "readWrite" }
    const document = {
      ...documentOf(store, [sharedKopia]),
      exports: [exported],
      nfsServer: { kind: "none" },
    }
    const daemon = await startDaemon({ document })
    await daemon.answers("home/home-assistant", "restore")
    const [list, show] = await Promise.all([
      shell("cistern exports --json", daemon),
      shell("cistern exports show", daemon),
    ])
    expect(JSON.parse(list.stdout)).toMatchObject({
      server: null,
      exports: [{ directory: `${store}/kopia`, state: "unknown", problem: { code: "exports_not_kept" } }],
    })
    const { exitCode, stderr, etab } = exportfs(show.stdout)
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" })
    expect(etab).toMatch(new RegExp(`^${store}/kopia\t`, "m"))
  })

  it("has the real exportfs export what is declared, and withdraws it", async () => {
    const machine = new ExportfsMachine()
    const { store } = sharedStore()
    const daemon = await startDaemon({ within: machine.within, document: documentOf(store, [sharedKopia]) })
    const exported = { store: "tank", path: "kopia", cluster: "home", access: "readWrite" }
    const missing = { ...exported, path: "restic" }
    const file = documentFile({ ...documentOf(store, [sharedKopia]), exports: [exported, missing] })
    const applied = await shell(`cistern apply -f ${file}`, daemon)
    expect(applied).toMatchObject({ exitCode: 0, stderr: "" })
    expect(applied.stdout).toMatch(/Export tank:restic for home: .*restic/)
    expect(machine.etab).toMatch(new RegExp(`^${store}/kopia\t127.0.0.0/8\\(rw,sync,`))
    const list = await shell("cistern exports", daemon)
    // The daemon sees this machine's kernel, which has no NFS server, beside a table of its own.
    expect(list.stdout).toMatch(new RegExp(`withheld.*${store}/restic`))
    expect((await shell("cistern exports apply", daemon)).stdout).toMatch(/^Nothing changes\.\n/)

    writeFileSync(machine.files.own, readFileSync(machine.files.own, "utf8").replace("rw,", "ro,"))
    const refused = await shell("cistern exports apply", daemon)
    expect(refused).toMatchObject({ exitCode: 4, stderr: expect.stringContaining("--replace") as string })
    const replaced = await shell("cistern exports apply --replace", daemon)
    expect(replaced).toMatchObject({ exitCode: 0, stderr: "" })
    expect(replaced.stdout).toContain("Applied, and read back.")

    rmSync(join(store, ".cistern"), { recursive: true })
    await until(
      () => Promise.resolve(machine.etab),
      (etab) => etab === "",
      "the export to be withdrawn",
    )
    const withdrawn = await shell("cistern exports apply --json", daemon)
    expect(JSON.parse(withdrawn.stdout)).toMatchObject({
      applied: false,
      withheld: expect.arrayContaining([
        expect.stringContaining("tank:kopia for home") as string,
      ]) as string[],
    })
  })

  it("applies a document and exports it back", async () => {
    const { store } = sharedStore()
    const daemon = await startDaemon()
    const file = documentFile(documentOf(store, [sharedKopia]))
    expect((await shell(`cistern apply -f ${file}`, daemon)).exitCode).toBe(0)
    await daemon.answers("home/home-assistant", "restore")
    const again = await shell(
      `cistern export > ${file}.yaml && cistern apply -f ${file}.yaml --dry-run`,
      daemon,
    )
    expect(again.exitCode).toBe(0)
    const looser = documentFile(
      documentOf(store, [{ ...sharedKopia, dismissed: ["radarr-backup@media:/data"] }]),
    )
    const refused = await shell(`cistern apply -f ${looser}`, daemon)
    expect(refused.exitCode).toBe(4)
    expect(refused.stdout + refused.stderr).toContain("--accept")
  })

  it("has the act that each hint names: pasted, it makes the answer certain", async () => {
    const store = scratch()
    const identity = { user: "app", host: "home", path: "/data" }
    const options = { password: "acts", snapshots: 4, identities: [identity] }
    const target = join(store, "kopia")
    writeSyntheticKopia(target, { ...options, seed: "first" })
    const daemon = await startDaemon({
      document: documentOf(store, [{ ...sharedKopia, password: { value: "acts" } }]),
    })
    await daemon.answers("home/app", "restore")
    const paste = async (reason: string) => {
      const { error } = await daemon.answers("home/app", reason)
      const ran = await shell(actOf(error), daemon)
      expect(ran, actOf(error)).toMatchObject({ exitCode: 0, stderr: "" })
    }

    rmSync(target, { recursive: true })
    const second = writeSyntheticKopia(target, { ...options, seed: "second", newest: new Date() })
    await paste("repository_changed")
    await daemon.answers("home/app", "restore")

    second.removeSnapshot(second.snapshots.at(-1)?.id ?? "")
    await paste("newest_known_gone")
    await daemon.answers("home/app", "restore")

    const [blob] = readdirSync(target, { recursive: true, encoding: "utf8" }).filter((path) =>
      path.startsWith("x/n0_/"),
    )
    renameSync(join(target, blob ?? ""), join(scratch(), "lost"))
    await paste("index_lost")
    expect((await daemon.exists("home/app")).reason).not.toBe("index_lost")

    renameSync(join(store, ".cistern"), join(scratch(), "sentinel"))
    await paste("store_fenced")
    expect((await daemon.exists("home/app")).reason).not.toBe("store_fenced")
  })
})
