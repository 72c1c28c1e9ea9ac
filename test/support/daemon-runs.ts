import type { RunJson } from "../../server/http/contract/jobs.js"
import { cli, type CliResult } from "./cli.js"
import type { DaemonProcess } from "./daemon.js"
import { until } from "./until.js"

/** Jobs of a daemon, as an administrator runs them. */
export class DaemonRuns {
  readonly #daemon: Pick<DaemonProcess, "state">

  constructor(daemon: Pick<DaemonProcess, "state">) {
    this.#daemon = daemon
  }

  cistern(...args: string[]): Promise<CliResult> {
    return cli(args, { environment: { CISTERN_STATE: this.#daemon.state } })
  }

  async json<T>(...args: string[]): Promise<T> {
    const { stdout, stderr } = await this.cistern(...args, "--json")
    if (stdout === "") throw new Error(stderr)
    return JSON.parse(stdout) as T
  }

  /** Asks for a run, when its subject is known, and gives its id. */
  async start(job: string, ...selection: string[]): Promise<string> {
    const { stdout } = await until(
      () => this.cistern("run", job, ...selection, "--json"),
      ({ exitCode }) => exitCode === 0,
      `a run of ${job}`,
    )
    return (JSON.parse(stdout) as { runs: RunJson[] }).runs[0]?.id ?? ""
  }

  run(id: string): Promise<RunJson> {
    return this.json<RunJson>("runs", id)
  }

  ended(id: string, limitMs = 60_000): Promise<RunJson> {
    return until(
      () => this.run(id),
      ({ state }) => state === "ended",
      `run ${id} to end`,
      limitMs,
    )
  }

  /** Runs a job on one subject, and waits for its end. */
  async ran(job: string, ...selection: string[]): Promise<RunJson> {
    return this.ended(await this.start(job, ...selection))
  }
}
