import type { Engine } from "../repository.js"
import { StorageError } from "../errors.js"

export interface EngineVersion {
  readonly program: string
  /** As the program writes it: "0.22.3", "0.18.0-dev", or "unofficial" for a build without a number. */
  readonly version: string
}

const arguments_: Record<Engine, readonly string[]> = {
  kopia: ["--version"],
  restic: ["version"],
}

/**
 * Asks the real program for its version. `program` is a path, or a name that is looked for in PATH. Throws StorageError
 * `missing`, `unreadable`, `timeout`, and `unsupported` when what answers is another program.
 */
export async function engineVersion(engine: Engine, program: string = engine): Promise<EngineVersion> {
  // What starts programs takes long to load, and the daemon does so for the doctor only.
  const { runProgram } = await import("./run-program.js")
  const answer = await runProgram(program, arguments_[engine])
  const version = engine === "kopia" ? kopiaVersion(answer) : resticVersion(answer)
  if (version !== undefined) return { program, version }
  throw new StorageError("unsupported", `${program} does not answer as ${engine} does`, {
    facts: { program, engine },
    hint: `Check which program it is: \`${program} ${arguments_[engine].join(" ")}\`.`,
  })
}

/** "0.22.3 build: … from: kopia/kopia", or "v0-unofficial build: …" where it was built from source. */
function kopiaVersion(answer: string): string | undefined {
  const match = /^v?(\d[\w.-]*) build: /m.exec(answer)
  const version = match?.[1]
  return version?.replace(/^0-unofficial$/, "unofficial")
}

/** "restic 0.18.0 compiled with go1.24.4 on linux/amd64" */
function resticVersion(answer: string): string | undefined {
  return /^restic (\d[\w.-]*)/m.exec(answer)?.[1]
}
