/** Asks of each name once, and remembers the answer. */
export function askedOnce(ask: (name: string) => Promise<boolean>): (name: string) => Promise<boolean> {
  const answers = new Map<string, boolean>()
  return async (name) => {
    let answer = answers.get(name)
    if (answer === undefined) {
      answer = await ask(name)
      answers.set(name, answer)
    }
    return answer
  }
}
