import type { ToolRunner } from "../../storage/host/index.js"

/**
 * Stands in for the program zfs, which runs nowhere here: answers exactly these command lines, and knows no other. The answers
 * are written after what its manual pages say of `-H` and `-p`; they were not recorded from a real pool. One that begins with
 * "! " is a failure with that complaint.
 */
export class ScriptedZfs {
  readonly #answers: Record<string, string>
  /** The command lines so far, blanks between the arguments. */
  readonly asked: string[] = []

  constructor(answers: Readonly<Record<string, string>>) {
    this.#answers = { ...answers }
  }

  /** From now on. */
  answer(command: string, answer: string): void {
    this.#answers[command] = answer
  }

  readonly run: ToolRunner = async (program, args) => {
    const command = args.join(" ")
    this.asked.push(command)
    const answer = this.#answers[command]
    if (program !== "zfs" || answer === undefined) throw new Error(`no answer to: ${program} ${command}`)
    if (answer.startsWith("! ")) return { stdout: "", stderr: `${answer.slice(2)}\n`, exitCode: 1 }
    return { stdout: answer, stderr: "", exitCode: 0 }
  }
}
