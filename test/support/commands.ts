import { cli, type CliResult } from "./cli.js"

/** The command line beside the daemon with this state directory. */
export function commandsOf(state: string) {
  const cistern = (...args: string[]): Promise<CliResult> =>
    cli(args, { environment: { CISTERN_STATE: state } })
  return {
    cistern,
    /** What it prints with `--json`. Throws what it complained of. */
    json: async <T>(...args: string[]): Promise<T> => {
      const { stdout, stderr } = await cistern(...args, "--json")
      if (stdout === "") throw new Error(stderr)
      return JSON.parse(stdout) as T
    },
  }
}
