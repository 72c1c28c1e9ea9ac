/** What the guest found out, one line of its console each; the test outside reads them. */
export interface Finding {
  readonly scenario: string
  readonly [fact: string]: unknown
}

/** Stands before each finding: the console carries the kernel's messages, too. */
export const MARK = "finding: "

export function report(finding: Finding): void {
  console.log(MARK + JSON.stringify({ ...finding, atSeconds: Math.round(performance.now() / 1000) }))
}
